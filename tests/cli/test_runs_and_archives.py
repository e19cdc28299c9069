"""`quire runs close` and `quire ingest --legacy`, on a real server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quire.cli.main import app
from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import until

KEY = {"dtype": "number", "shape": None, "source": "s"}
START = ["start", {"uid": "old-run", "time": 1.0}]
DESCRIPTOR = [
    "descriptor",
    {"uid": "old-d", "run_start": "old-run", "time": 1.0, "data_keys": {"x": KEY}},
]


@pytest.fixture
def real(home: Path) -> Iterator[ServerProcess]:
    folder = home / "data"
    os.environ["QUIRE_DIR"] = str(folder)
    server = ServerProcess(folder)
    server.start()
    yield server
    server.stop()


def call(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=given)


def lines(*items: Any) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


@pytest.mark.usefixtures("real")
def test_an_archive_comes_in_and_its_run_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "archive.jsonl"
    file.write_text(lines(START, DESCRIPTOR))
    plain = call("ingest", str(file), "--json")
    assert plain.exit_code == 1
    assert json.loads(plain.stdout)["refused"] == 1
    legacy = call("ingest", "--legacy", str(file), "--json")
    assert legacy.exit_code == 0
    assert json.loads(legacy.stdout) == {"accepted": 1, "repeated": 1, "refused": 0}
    shown = call("runs", "show", "old-run").stdout
    assert "shape null became []" in shown
    assert "(old-d)" in shown

    closed = call("runs", "close", "-1", "--reason", "an archive", "--json")
    assert json.loads(closed.stdout)["status"] == "interrupted"
    shown = call("runs", "show", "old-run").stdout
    assert "an archive" in shown
    again = call("runs", "close", "old-run", "--reason", "again")
    assert again.exit_code != 0
    assert "closed it before" in again.stderr


def test_what_comes_by_a_pipe_is_sent_while_the_pipe_is_open(
    real: ServerProcess,
) -> None:
    program = [sys.executable, "-m", "quire", "ingest", "-"]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True) as sending,
        real.http() as http,
    ):
        assert sending.stdin is not None
        begun = lines(START, ["start", {"uid": "cut", "time": 1.0}])
        sending.stdin.write(begun[:-9])
        sending.stdin.flush()
        until(lambda: http.get("/api/v1/runs/old-run").status_code == 200)
        assert http.get("/api/v1/runs/cut").status_code == 404
        told, _ = sending.communicate(begun[-9:-1])
    assert told == "2 accepted, 0 repeated, 0 refused\n"


@pytest.mark.parametrize(
    ("begun", "ended", "seconds"),
    [
        (0.0, 2.5, 2.5),
        (1.7e18, 1.7e18 + 1024, 1024.0),  # nanoseconds, as some producers have it
        (-1e308, 1e308, None),
    ],
)
def test_a_run_of_any_time_is_shown(
    real: ServerProcess, begun: float, ended: float, seconds: float | None
) -> None:
    start = ["start", {"uid": "odd", "time": begun}]
    stop = {"uid": "s", "run_start": "odd", "time": ended, "exit_status": "success"}
    sent = call("ingest", "-", given=lines(start, ["stop", stop]))
    assert sent.exit_code == 0, sent.output
    for words in (("search",), ("show", "odd")):
        shown = call("runs", *words)
        assert shown.exit_code == 0
        assert "odd" in shown.stdout
    with real.http() as http:
        assert http.get("/api/v1/runs/odd").json()["duration"] == seconds
        page = http.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, "odd" in page.text) == (200, True)


@pytest.mark.usefixtures("home")
def test_what_does_not_go_together_is_refused() -> None:
    assert call("ingest", "--spool", "--legacy").exit_code == 2
    assert call("runs", "close", "-1").exit_code == 2
