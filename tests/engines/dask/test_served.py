"""A real server with jobs on a real Dask, and what is killed meanwhile."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.dask.cluster import DaskCluster
from quire.testing.waiting import PATIENCE

SETTINGS = """
attempt_lease = 5.0

[engines.cluster]
type = "dask"
address = "{address}"
slots = 4
poll = 0.2

[kinds.wait]
engine = "cluster"
"""


@pytest.fixture
def served(cluster: DaskCluster, tmp_path: Path) -> Iterator[ServerProcess]:
    cluster.start()
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "quire.toml").write_text(SETTINGS.format(address=cluster.address))
    server = ServerProcess(folder)
    server.start()
    yield server
    server.stop()


def submit(server: ServerProcess, seconds: float) -> str:
    with server.http() as http:
        wanted = {"kind": "wait", "parameters": {"SECONDS": seconds}, "run": True}
        made = http.post("/api/v1/jobs", json=wanted)
        made.raise_for_status()
        return str(made.json()["id"])


def until(
    server: ServerProcess, job: str, condition: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError), server.http() as http:
            found = http.get(f"/api/v1/jobs/{job}").json()
            if condition(found):
                return found
        time.sleep(0.02)
    raise AssertionError(f"still not so: {found}")


def test_a_job_runs_there(served: ServerProcess) -> None:
    job = submit(served, 0.2)
    done = until(served, job, lambda found: found["phase"] == "COMPLETED")
    assert done["attempt"] == 1


def test_it_outlives_the_server(served: ServerProcess) -> None:
    job = submit(served, 2.0)
    until(served, job, lambda found: found["phase"] == "EXECUTING")
    served.kill()
    served.start()
    done = until(served, job, lambda found: found["phase"] == "COMPLETED")
    assert done["attempt"] == 1


def test_its_verdict_waits_for_the_server(served: ServerProcess) -> None:
    # Long enough to be seen at work, and over while the server is away.
    job = submit(served, 1.5)
    until(served, job, lambda found: found["phase"] == "EXECUTING")
    served.kill()
    time.sleep(2.0)
    served.start()
    done = until(served, job, lambda found: found["phase"] == "COMPLETED")
    assert done["attempt"] == 1


def test_a_killed_scheduler_costs_an_attempt(
    served: ServerProcess, cluster: DaskCluster
) -> None:
    job = submit(served, 1.0)
    until(served, job, lambda found: found["phase"] == "EXECUTING")
    cluster.kill_scheduler()
    cluster.start()
    until(served, job, lambda found: found["phase"] == "COMPLETED")
