"""`quire runs close` and `quire ingest --legacy`, on a real server."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quire.cli.main import app
from quire.testing.campaigns.server import ServerProcess

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
    assert "shape null became []" in call("runs", "show", "old-run").stdout

    closed = call("runs", "close", "-1", "--reason", "an archive", "--json")
    assert json.loads(closed.stdout)["status"] == "interrupted"
    shown = call("runs", "show", "old-run").stdout
    assert "an archive" in shown
    again = call("runs", "close", "old-run", "--reason", "again")
    assert again.exit_code != 0
    assert "closed it before" in again.stderr


@pytest.mark.usefixtures("home")
def test_what_does_not_go_together_is_refused() -> None:
    assert call("ingest", "--spool", "--legacy").exit_code == 2
    assert call("runs", "close", "-1").exit_code == 2
