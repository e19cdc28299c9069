"""The server's log as JSON, with the runs and jobs that its lines are of."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from quire.app.logs import configure
from quire.config import LogFormat, Settings
from quire.errors import InputError
from quire.testing.campaigns.server import ServerProcess


def test_each_line_is_an_object_that_names_run_and_job(tmp_path: Path) -> None:
    environment = {"QUIRE_LOG_FORMAT": "json", "QUIRE_LOG_LEVEL": "info"}
    server = ServerProcess(tmp_path / "data", environment=environment)
    server.start()
    try:
        with server.http() as http:
            start = ["start", {"uid": "a run / ä", "time": 1.7e9}]
            http.post("/api/v1/documents", json=start)
            assert http.get("/api/v1/runs/a%20run%20%2F%20%C3%A4").status_code == 200
            wanted = {"kind": "wait", "parameters": {"SECONDS": 0}, "run": True}
            job = http.post("/api/v1/jobs", json=wanted).json()["id"]
            http.get(f"/api/v1/jobs/{job}")
            http.get(f"/uws/wait/jobs/{job}/phase")
            http.get("/nowhere")
    finally:
        server.stop()
    lines = (tmp_path / "data.log").read_text().splitlines()
    told: list[dict[str, Any]] = [json.loads(one) for one in lines if one[:1] == "{"]
    assert len(told) >= 6
    for one in told:
        assert {"time", "level", "logger", "message"} <= one.keys()
    asked = [one for one in told if one["logger"] == "quire.requests"]
    assert {one["status"] for one in asked if one["path"] == "/nowhere"} == {404}
    assert {one["run"] for one in asked if "run" in one} == {"a run / ä"}
    assert [one["job"] for one in asked if "job" in one] == [job, job]
    assert all(0 < one["seconds"] < 60 for one in asked)


def test_an_exception_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    try:
        settings = Settings(
            data_folder=tmp_path, log_format=LogFormat.JSON, name="one-8642"
        )
        configure(settings)
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logging.getLogger("quire.x").exception("lost", extra={"run": "u"})
        (line,) = capsys.readouterr().err.splitlines()
    finally:
        root.handlers[:], root.level = kept, level
    told = json.loads(line)
    assert told["run"] == "u"
    assert told["server"] == "one-8642"
    assert told["level"] == "ERROR"
    assert "ValueError: two\nlines" in told["exception"]


def test_an_unknown_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="log_level"):
        Settings.load(environment={"QUIRE_LOG_LEVEL": "loud"}, data_folder=tmp_path)
