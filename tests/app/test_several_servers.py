"""`quire serve --database`: several servers on one database and one data folder."""

import contextlib
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from quire import server_file
from quire.testing.campaigns.clients import as_lines, run_documents
from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.server import PostgresServer
from quire.testing.waiting import PATIENCE

LEASE = 2  # seconds
SECRET = "not to be seen"  # noqa: S105
Start = Callable[[str], ServerProcess]


@pytest.fixture
def start(postgres_url: str, tmp_path: Path) -> Iterator[Start]:
    servers: dict[str, ServerProcess] = {}

    def started(name: str) -> ServerProcess:
        environment = {
            "QUIRE_DATABASE": postgres_url,
            "QUIRE_ATTEMPT_LEASE": str(LEASE),
            "PGPASSWORD": SECRET,
        }
        folder = tmp_path / "data"
        server = ServerProcess(folder, environment=environment, name=name)
        servers[name] = server
        server.start()
        return server

    yield started
    for server in servers.values():
        server.kill()


def _submit(server: ServerProcess, seconds: float, steps: int = 20) -> str:
    body = {
        "kind": "wait",
        "parameters": {"SECONDS": seconds, "STEPS": steps},
        "run": True,
    }
    with server.http() as http:
        reply = http.post("/api/v1/jobs", json=body)
        reply.raise_for_status()
        return str(reply.json()["id"])


def _job(server: ServerProcess, job: str) -> dict[str, Any]:
    with server.http() as http:
        found: dict[str, Any] = http.get(f"/api/v1/jobs/{job}").json()
        return found


def _until(question: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _events(server: ServerProcess, job: str) -> list[str]:
    """Return what a listener hears until the log's end."""
    with (
        server.http() as http,
        http.stream("GET", f"/api/v1/operations/{job}/events") as reply,
    ):
        lines = [line for line in reply.iter_lines() if line.startswith("data:")]
    return [json.loads(line[5:]).get("message", "") for line in lines]


def test_each_server_has_its_file_and_clients_find_one_that_lives(
    start: Start, tmp_path: Path
) -> None:
    one, other = start("one"), start("two")
    folder = tmp_path / "data"
    names = {file.name for file in folder.glob("server*.json")}
    assert names == {"server.json", "server-one.json", "server-two.json"}
    found = server_file.live(folder / "server.json")
    assert found is not None
    assert found.pid == one.pid
    one.kill()
    found = server_file.live(folder / "server.json")
    assert found is not None
    assert found.pid == other.pid
    # And soon for those who read the one file alone.
    named = folder / "server.json"
    _until(lambda: json.loads(named.read_bytes())["pid"] == other.pid)
    other.stop()
    assert server_file.live(folder / "server.json") is None


def test_a_name_is_one_server_s_alone(start: Start) -> None:
    """Its workers are known by it: another of that name would kill them."""
    one = start("one")
    job = _submit(one, 1.0)
    with pytest.raises(RuntimeError, match="name: another server at work is called"):
        start("one")
    _until(lambda: _job(one, job)["phase"] == "COMPLETED")
    assert _job(one, job)["attempt"] == 1
    one.kill()
    start("one")


def test_progress_is_heard_at_every_server(start: Start) -> None:
    one, other = start("one"), start("two")
    job = _submit(one, 1.0)
    heard = [_events(server, job) for server in (other, one)]
    assert heard[0] == heard[1]
    assert _job(other, job)["phase"] == "COMPLETED"


def test_who_waits_at_one_server_hears_what_another_decides(start: Start) -> None:
    one, other = start("one"), start("two")
    for waiting, deciding in ((one, other), (other, one)):
        job = _submit(waiting, 120.0)
        _until(lambda: _job(other, job)["phase"] == "EXECUTING")  # noqa: B023
        with waiting.http() as http, deciding.http() as theirs:
            later = threading.Timer(
                0.5,
                theirs.post,
                [f"/uws/wait/jobs/{job}/phase"],
                {"data": {"PHASE": "ABORT"}},
            )
            later.start()
            # Were it not woken, it would wait for longer than the client does.
            told = http.get(
                f"/uws/wait/jobs/{job}",
                params={"WAIT": str(int(3 * PATIENCE)), "PHASE": "EXECUTING"},
                timeout=PATIENCE,
            )
            later.join()
        assert "ABORTED" in told.text


def test_a_server_that_dies_costs_a_listener_a_reconnect_alone(start: Start) -> None:
    one, other = start("one"), start("two")
    job = _submit(other, 60.0, 600)
    heard: list[int] = []
    with (
        one.http() as http,
        contextlib.suppress(httpx.TransportError),
        http.stream("GET", f"/api/v1/operations/{job}/events") as reply,
    ):
        for line in reply.iter_lines():
            if line.startswith("id:"):
                heard.append(int(line[3:]))
                if len(heard) == 5:
                    one.kill()
    begun = len(heard)
    assert begun >= 5
    with (
        other.http() as aborting,
        other.http() as http,
        http.stream(
            "GET",
            f"/api/v1/operations/{job}/events",
            headers={"Last-Event-ID": str(heard[-1])},
        ) as reply,
    ):
        for line in reply.iter_lines():
            if line.startswith("id:"):
                heard.append(int(line[3:]))
                if len(heard) == begun + 5:
                    aborting.post(f"/api/v1/jobs/{job}/abort").raise_for_status()
    assert heard == list(range(1, len(heard) + 1))
    assert _job(other, job)["phase"] == "ABORTED"


def test_a_server_that_starts_leaves_what_others_run_alone(start: Start) -> None:
    one = start("one")
    job = _submit(one, 3 * LEASE)
    _until(lambda: _job(one, job)["phase"] == "EXECUTING")
    other = start("two")
    _until(lambda: _job(other, job)["phase"] == "COMPLETED")
    assert _job(other, job)["attempt"] == 1


def test_what_a_killed_server_ran_is_taken_over_once_its_lease_ends(
    start: Start,
) -> None:
    one = start("one")
    job = _submit(one, 600.0)
    _until(lambda: _job(one, job)["phase"] == "EXECUTING")
    other = start("two")
    one.kill()
    _until(lambda: _job(other, job)["attempt"] == 2)
    _until(lambda: _job(other, job)["phase"] == "EXECUTING")
    with other.http() as http:
        http.post(f"/uws/wait/jobs/{job}/phase", data={"PHASE": "ABORT"})
    assert _job(other, job)["phase"] == "ABORTED"


def test_no_password_is_shown(start: Start, tmp_path: Path) -> None:
    server = start("one")
    assert server.pid is not None
    assert SECRET not in " ".join(psutil.Process(server.pid).cmdline())
    with server.http() as http:
        for path in ("/api/v1/server", "/readyz", "/metrics"):
            assert SECRET not in http.get(path).text
    server.stop()
    assert SECRET not in (tmp_path / "data-one.log").read_text()


def test_a_server_whose_database_is_away_refuses_and_goes_on(tmp_path: Path) -> None:
    with (
        PostgresServer(Path(tempfile.mkdtemp())) as postgres,
        postgres.database("away") as url,
    ):
        server = ServerProcess(tmp_path / "data", environment={"QUIRE_DATABASE": url})
        server.start()
        pid = server.pid
        items = list(run_documents(random.Random(1), 3))
        try:
            with server.http() as http:
                postgres.stop("immediate")
                told = http.get("/readyz")
                assert told.status_code == httpx.codes.SERVICE_UNAVAILABLE
                assert "the database is away" in told.text
                assert http.get("/livez").status_code == httpx.codes.OK
                refused = http.post("/api/v1/documents", content=as_lines(items))
                assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
                postgres.start()
                _until(lambda: http.get("/readyz").status_code == httpx.codes.OK)
                reply = http.post("/api/v1/documents", content=as_lines(items))
                assert reply.json()["accepted"] == len(items)
            assert server.pid == pid
        finally:
            server.kill()
