"""A real server whose jobs run on a real Slurm."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.slurm.cluster import SlurmCluster
from quire.testing.waiting import PATIENCE

SETTINGS = """
[engines.cluster]
type = "slurm"
slots = 4
cores = 1
python = {python}
environment = {{ SLURM_CONF = {conf}, PATH = {path} }}
tags = ["fast"]

[kinds.wait]
engine = "cluster"
"""


@pytest.fixture
def server(tmp_path: Path, cluster: SlurmCluster) -> Iterator[ServerProcess]:
    folder = tmp_path / "data"
    folder.mkdir()
    words = {
        "python": sys.executable,
        "conf": cluster.environment["SLURM_CONF"],
        "path": cluster.environment["PATH"],
    }
    text = SETTINGS.format(**{name: json.dumps(word) for name, word in words.items()})
    (folder / "quire.toml").write_text(text)
    server = ServerProcess(folder)
    server.start()
    yield server
    server.stop()
    cluster.clear()


def submit(server: ServerProcess, **parameters: Any) -> str:
    body = {"kind": "wait", "parameters": parameters, "run": True}
    with server.http() as http:
        answer = http.post("/api/v1/jobs", json=body).raise_for_status()
    return str(answer.json()["id"])


def until(server: ServerProcess, job: str, phase: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    found: dict[str, Any] = {"phase": None}
    while found["phase"] != phase:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{job} is {found}")
        with server.http() as http:
            found = http.get(f"/api/v1/jobs/{job}", params={"wait": 2}).json()
    return found


def test_a_job_runs_on_a_node(server: ServerProcess, cluster: SlurmCluster) -> None:
    job = submit(server, SECONDS=0.2, STEPS=2)
    assert until(server, job, "COMPLETED")["attempt"] == 1
    listed = cluster.run("squeue", "--noheader", "--states=all", "--format=%j")
    assert f"{job}.1" in listed


@pytest.mark.crash
def test_a_killed_server_takes_its_attempts_up_again(server: ServerProcess) -> None:
    job = submit(server, SECONDS=4)
    until(server, job, "EXECUTING")
    server.kill()
    server.start()
    found = until(server, job, "COMPLETED")
    assert found["attempt"] == 1


def test_an_abort_is_there_at_once_and_the_node_is_free_soon(
    server: ServerProcess, cluster: SlurmCluster
) -> None:
    job = submit(server, SECONDS=600)
    until(server, job, "EXECUTING")
    with server.http() as http:
        http.post(f"/api/v1/jobs/{job}/abort").raise_for_status()
    assert until(server, job, "ABORTED")["attempt"] == 1
    deadline = time.monotonic() + PATIENCE
    while cluster.run("squeue", "--noheader", "--me"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_told(server: ServerProcess, job: str, words: str) -> None:
    """Listen to a job until its log has these words."""
    where = f"/api/v1/operations/{job}/events"
    with (
        server.http() as http,
        http.stream("GET", where, timeout=PATIENCE) as events,
    ):
        assert any(words in line for line in events.iter_lines())


def test_a_job_says_why_it_waits_and_how_it_was_ended_from_outside(
    server: ServerProcess, cluster: SlurmCluster
) -> None:
    cluster.run("scontrol", "update", "PartitionName=main", "State=DOWN")
    try:
        job = submit(server, SECONDS=600)
        until_told(server, job, "PartitionDown")
    finally:
        cluster.run("scontrol", "update", "PartitionName=main", "State=UP")
    assert until(server, job, "EXECUTING")["attempt"] == 1
    listed = cluster.run("squeue", "--noheader", "--format=%A %j")
    [number] = [line.split()[0] for line in listed.splitlines() if job in line]
    cluster.run("scancel", number)
    until_told(server, job, f"Slurm's job {number}: JobState CANCELLED")
    with server.http() as http:
        http.post(f"/api/v1/jobs/{job}/abort").raise_for_status()


def test_a_tag_that_slurm_does_not_take_is_told(
    tmp_path: Path, server: ServerProcess
) -> None:
    server.stop()
    file = tmp_path / "data" / "quire.toml"
    file.write_text(file.read_text().replace('"fast"', '"nowhere"'))
    server.start()
    until_told(server, submit(server), "sbatch")
