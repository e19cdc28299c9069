import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rich.text
import typer.main
from tests.client.serving import Server
from typer.testing import CliRunner, Result

import quire
from quire.cli.main import app

ONLY_SERVER = pytest.mark.usefixtures("running")


def call(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=given)


def lines(*items: Any) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


START = ["start", {"uid": "run-1", "time": 1.0, "scan_id": 7, "plan_name": "scan"}]


def test_help_names_every_command() -> None:
    told = call("--help").stdout
    for name in (
        "demo",
        "serve",
        "ingest",
        "inlets",
        "outlets",
        "runs",
        "jobs",
        "doctor",
    ):
        assert name in told


def test_the_version_is_the_package_s() -> None:
    assert call("--version").stdout == f"quire {quire.__version__}\n"


def every(group: Any, *words: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every(command, *words, name)
        yield " ".join((*words, name)), command


def test_no_help_has_words_that_the_terminal_takes_for_markup() -> None:
    for name, command in every(typer.main.get_command(app)):
        for parameter in command.params:
            told = getattr(parameter, "help", None) or ""
            shown = rich.text.Text.from_markup(told).plain
            assert shown == told, f"{name}: {parameter.name}"


@pytest.mark.parametrize("words", [("serve",), ("audit",), ("backup", "new")])
def test_a_path_that_cannot_be_is_told_in_a_line(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    result = call(*words, str(tmp_path / "file"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(r"quire: \S+file\S*: Not a directory\n", result.stderr)


def test_help_loads_nothing_heavy() -> None:
    program = "import sys, quire.cli.main; print(sorted({'httpx', 'numpy', 'apsw',"
    program += " 'pyarrow', 'starlette', 'platformdirs'} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"


@pytest.mark.usefixtures("home")
def test_without_a_server_it_says_so_with_code_3() -> None:
    result = call("runs", "search")
    assert result.exit_code == 3
    assert "quire serve" in result.stderr
    assert result.stdout == ""


@ONLY_SERVER
def test_ingests_a_file_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "documents.jsonl"
    file.write_text(lines(START) + "\n" + lines(["event", {"uid": "e"}]))
    result = call("ingest", str(file))
    assert (result.exit_code, result.stdout) == (
        0,
        "2 accepted, 0 repeated, 0 refused\n",
    )
    again = call("ingest", "-", "--json", given=file.read_text())
    assert json.loads(again.stdout) == {"accepted": 0, "repeated": 2, "refused": 0}


@ONLY_SERVER
def test_ingest_tells_what_is_refused() -> None:
    bad = ["start", {"uid": "bad"}]
    given = lines(START, bad) + "\n\n" + lines(["start", {"uid": "worse"}])
    result = call("ingest", "-", given=given)
    assert result.exit_code == 1
    assert result.stdout == "1 accepted, 0 repeated, 2 refused\n"
    assert "line 2: start bad: /time: is required" in result.stderr
    assert "line 5: start worse: /time: is required" in result.stderr


@ONLY_SERVER
def test_ingest_tells_of_each_line_where_it_stands() -> None:
    given = lines(START, ["start", {"uid": "bad"}], ["start", {"uid": "bad"}])
    told = call("ingest", "-", given=given).stderr
    assert [row[:15] for row in told.splitlines()] == [
        "refused: line 2",
        "refused: line 3",
    ]


@ONLY_SERVER
def test_ingests_a_compressed_file(tmp_path: Path) -> None:
    file = tmp_path / "documents.jsonl.gz"
    parts = [gzip.compress(lines([n, {"uid": n}]).encode()) for n in ("a", "b")]
    file.write_bytes(gzip.compress(lines(START).encode()) + b"".join(parts))
    result = call("ingest", str(file))
    assert result.stdout == "3 accepted, 0 repeated, 0 refused\n"
    file.write_bytes(gzip.compress(lines(START, START).encode())[:-9])
    result = call("ingest", str(file))
    assert (result.exit_code, "ends too early" in result.stderr) == (2, True)
    assert "lines up to 2 are answered" in result.stderr


@ONLY_SERVER
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps([START], indent=1).encode(), "is one JSON array"),
        (lines(START).encode("utf-16"), "is UTF-16"),
        (b"\x28\xb5\x2f\xfd ...", "is compressed, not by gzip"),
    ],
)
def test_a_file_that_holds_no_lines_is_told_as_such(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    result = call("ingest", str(tmp_path / "file"))
    assert (result.exit_code, words in result.stderr) == (2, True)


def test_ingests_what_waits_in_the_spool(server: Server, home: Path) -> None:
    writer = quire.writer(spool=home / "spool")
    writer(*START)
    assert not writer.close(timeout=0.0)
    server.start()
    result = call("ingest", "--spool", "--spool-folder", str(home / "spool"))
    assert (result.exit_code, result.stdout) == (0, "1 sent, 0 refused, 0 waiting\n")
    assert server.known()["uids"] == ["run-1"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "words",
    [("ingest",), ("ingest", "f", "--spool"), ("ingest", "/none"), ("jobs", "submit")],
)
def test_wrong_usage_is_code_2(words: tuple[str, ...]) -> None:
    assert call(*words).exit_code == 2


@ONLY_SERVER
def test_shows_and_exports_runs(tmp_path: Path) -> None:
    call("ingest", "-", given=lines(START))
    shown = call("runs", "show", "-1").stdout
    assert "primary (3)" in shown
    assert json.loads(call("runs", "show", "run-1", "--json").stdout)["scan_id"] == 7
    assert json.loads(call("runs", "export", "-1").stdout) == START
    call("runs", "export", "-1", "-o", str(tmp_path / "out.jsonl"))
    assert json.loads((tmp_path / "out.jsonl").read_text()) == START
    missing = call("runs", "show", "nothing")
    assert missing.exit_code == 1
    assert "no run 'nothing'" in missing.stderr


@ONLY_SERVER
def test_submit_prints_the_id_first_and_waits() -> None:
    result = call("jobs", "submit", "wait", "-p", "STEPS=12", "--wait")
    assert result.exit_code == 0
    assert result.stdout == "job-1\n"
    assert "12 % step 12" in result.stderr
    assert "complete: done" in result.stderr
    assert "\x1b" not in result.stderr


@ONLY_SERVER
@pytest.mark.parametrize(
    ("parameter", "seconds", "code"),
    [("FAIL=true", "20", 1), ("HOLD=true", "20", 4), ("PAUSE=60", "0.2", 124)],
)
def test_the_exit_code_tells_how_it_ended(
    parameter: str, seconds: str, code: int
) -> None:
    waiting = ("--wait", "--timeout", seconds)
    result = call("jobs", "submit", "wait", "-p", "STEPS=1", "-p", parameter, *waiting)
    assert result.exit_code == code


@ONLY_SERVER
def test_watch_writes_the_events_as_they_are() -> None:
    call("jobs", "submit", "wait", "-p", "STEPS=2")
    result = call("jobs", "watch", "job-1", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"id": 1, "type": "info", "message": "step 1", "progress": 1},
        {"id": 2, "type": "info", "message": "step 2", "progress": 2},
        {"id": 3, "type": "complete", "message": "done"},
    ]


@ONLY_SERVER
def test_jobs_are_listed_shown_and_aborted(tmp_path: Path) -> None:
    specification = tmp_path / "spec.json"
    specification.write_text('{"id": "A"}')
    made = call("jobs", "submit", "merge", "-p", f"SPECIFICATION=@{specification}")
    assert "merge" in call("jobs", "list").stdout
    shown = json.loads(call("jobs", "show", made.stdout.strip(), "--json").stdout)
    assert shown["parameters"] == {"SPECIFICATION": {"id": "A"}}
    assert "ABORTED" in call("jobs", "abort", "job-1").stdout


@ONLY_SERVER
def test_a_refused_parameter_names_field_and_mend() -> None:
    result = call("jobs", "submit", "none")
    assert result.exit_code == 2
    assert result.stderr == "quire: kind: no such kind (wait or merge)\n"


@pytest.mark.usefixtures("home")
def test_doctor_says_what_holds(tmp_path: Path) -> None:
    result = call("doctor", str(tmp_path), "--json")
    checks = {one["name"]: one for one in json.loads(result.stdout)["checks"]}
    assert checks["Python"]["good"]
    assert {"SQLite", "file system", "free space", "flush to disk", "clock"} <= set(
        checks
    )
    assert all(one["promise"] for one in checks.values())
    limits = checks["limits of jobs"]
    assert limits["good"]
    assert "RLIMIT_AS" in limits["found"]
    assert "cgroups" in limits["promise"]
    assert result.exit_code == (0 if all(c["good"] for c in checks.values()) else 1)
    assert all(left.name.startswith("xdg_") for left in tmp_path.iterdir())
