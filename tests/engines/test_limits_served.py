"""The limits of `quire.toml`, in a real server."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

SWARM = "import subprocess, sys; [subprocess.Popen(['sleep', '60']) for _ in range(9)]"
SETTINGS = f"""
slots = 3

[commands.swarm]
program = '{sys.executable}'
arguments = ['-c', "{SWARM}; import time; time.sleep(60)"]

[kinds.swarm]
processes = 5

[kinds.wait]
wall_clock = 4
concurrency = 1
"""


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("limits") / "data"
    folder.mkdir()
    (folder / "quire.toml").write_text(SETTINGS)
    server = ServerProcess(folder)
    server.start()
    with server.http() as client:
        yield client
    server.stop()


def submit(http: httpx.Client, kind: str, **parameters: Any) -> str:
    body = {"kind": kind, "parameters": parameters, "run": True}
    job: str = http.post("/api/v1/jobs", json=body).raise_for_status().json()["id"]
    return job


def until(http: httpx.Client, job: str, *phases: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    found: dict[str, Any] = {"phase": None}
    while found["phase"] not in phases:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{job} is {found['phase']}")
        found = http.get(f"/api/v1/jobs/{job}", params={"wait": 5}).json()
    return found


def test_too_many_processes_end_the_job(http: httpx.Client) -> None:
    ended = until(http, submit(http, "swarm"), "ERROR", "COMPLETED")
    assert ended["error"]["code"] == "limit_processes"
    assert "[kinds.swarm] processes = 5" in ended["error"]["message"]
    assert ended["attempt"] == 1


def test_too_long_is_aborted_and_the_next_one_waits_for_it(http: httpx.Client) -> None:
    first = submit(http, "wait", SECONDS=60)
    second = submit(http, "wait", SECONDS=0)
    assert (
        until(http, second, "COMPLETED")["started"]
        >= (until(http, first, "ABORTED")["ended"])
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[kinds.wiat]\nretries = 1", "kinds.wiat"),
        ("[kinds.wait]\nmemory = 7", "memory"),
    ],
)
def test_a_table_that_cannot_be_meant_stops_the_start(
    tmp_path: Path, table: str, said: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "quire.toml").write_text(table)
    with pytest.raises(RuntimeError, match=said):
        ServerProcess(tmp_path / "data").start()
