import json
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.plans import scan
from ophyd.sim import SynAxis, SynGauss
from tests.client.serving import Server

import quire
from quire.testing.waiting import until


@pytest.mark.crash
def test_a_real_plan_while_the_server_dies(running: Server) -> None:
    motor = SynAxis(name="motor")
    detector = SynGauss("detector", motor, "motor", center=0, Imax=1, sigma=1)
    engine: Any = RunEngine({}, call_returns_result=False)
    seen: list[tuple[str, dict[str, Any]]] = []

    def interfere(name: str, doc: dict[str, Any]) -> None:
        seen.append((name, doc))
        if doc.get("seq_num") == 3:
            running.kill()
        if doc.get("seq_num") == 6:
            running.start()

    with quire.writer() as writer:
        engine.subscribe(writer)
        engine.subscribe(interfere)
        engine(scan([detector], motor, -1, 1, 10))
        assert writer.flush(30.0)
        assert writer.status.sent >= len(seen)
    stored = json.loads((running.folder / "known.json").read_text())
    assert len(seen) == 13
    assert sorted(stored) == sorted(doc["uid"] for _name, doc in seen)


def test_leases_of_open_runs_are_renewed(running: Server) -> None:
    with quire.writer() as writer:
        writer("start", {"uid": "open", "time": 1.0})
        writer("start", {"uid": "over", "time": 1.0})
        writer("stop", {"uid": "stop", "run_start": "over"})
        assert writer.flush(20.0)
        assert writer._session is not None
        writer._session.sender._renew_leases()
        assert until(lambda: running.known()["leases"]) == ["open"]
