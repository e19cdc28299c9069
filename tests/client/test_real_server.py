"""The writer and the catalog with the real server and the real RunEngine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.plans import scan
from ophyd.sim import SynAxis, SynGauss

import quire
from quire.server_file import live
from quire.testing.waiting import PATIENCE, until


class RealServer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["-m", "quire", "serve", str(self._folder), "--port", "0"]
        self._process = subprocess.Popen([sys.executable, *arguments])
        until(lambda: live(self._folder / "server.json"))

    def end(self, how: str = "terminate") -> None:
        if self._process is not None:
            getattr(self._process, how)()
            self._process.wait(PATIENCE)
            self._process = None


@pytest.fixture
def real(home: Path) -> Iterator[RealServer]:
    os.environ["QUIRE_DIR"] = str(home / "data")
    made = RealServer(home / "data")
    made.start()
    yield made
    made.end()


@pytest.mark.crash
def test_a_plan_loses_and_doubles_nothing_when_the_server_is_killed(
    real: RealServer, home: Path
) -> None:
    motor = SynAxis(name="motor")
    detector = SynGauss("detector", motor, "motor", center=0, Imax=1, sigma=1)
    engine: Any = RunEngine({}, call_returns_result=False)
    seen: list[dict[str, Any]] = []

    def interfere(_name: str, doc: dict[str, Any]) -> None:
        seen.append(doc)
        if doc.get("seq_num") == 5:
            real.end("kill")
        if doc.get("seq_num") == 15:
            real.start()

    with quire.writer(spool=home / "spool") as writer:
        engine.subscribe(writer)
        engine.subscribe(interfere)
        engine(scan([detector], motor, -1, 1, 20))
        assert writer.flush(30.0)
        assert writer.status.refused == writer.status.lost == 0
    run = quire.connect()[-1]
    stored = [doc["uid"] for _name, doc in run.documents()]
    assert sorted(stored) == sorted(doc["uid"] for doc in seen)
    assert len(stored) == 23
    assert run.status == "success"
    assert list((home / "spool").iterdir()) == []


@pytest.mark.usefixtures("real")
def test_jobs_are_submitted_followed_and_aborted() -> None:
    told = list(quire.submit("wait", seconds=0.1, steps=2).progress(20.0))
    assert told[-1].event.type == "complete"
    endless = quire.submit("wait", seconds=600)
    assert endless.abort().phase == "ABORTED"
    with pytest.raises(ValueError, match="no kind of job"):
        quire.submit("nothing")
