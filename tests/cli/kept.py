"""A store as a real server leaves it, and the command line in this process."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from quire.cli.main import app
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, make_run, make_uid
from quire.testing.postgres.choosing import SERVER
from quire.testing.waiting import until

NDJSON = {"content-type": "application/x-ndjson"}
RUNS = 4
RUN = make_uid(0, "start")


def call(*words: str | Path, code: int = 0) -> Result:
    found = CliRunner().invoke(app, list(map(str, words)))
    assert found.exit_code == code, found.output
    return found


def told(*words: str | Path, code: int = 0) -> dict[str, Any]:
    """Return what a command tells programs."""
    found: dict[str, Any] = json.loads(call(*words, "--json", code=code).stdout)
    return found


def serve(folder: Path, database: str = "") -> ServerProcess:
    """Return a server that has been started, on the store that is named."""
    environment = {"QUIRE_DATABASE": database} if database else {}
    # Elsewhere this variable has all servers of the tests use PostgreSQL.
    former = os.environ.pop(SERVER, None)
    try:
        server = ServerProcess(folder, environment=environment)
    finally:
        if former is not None:
            os.environ[SERVER] = former
    server.start()
    return server


def fill(http: httpx.Client) -> dict[str, Any]:
    """Send runs, flag one, have a product made of it; return that."""
    for seed in range(RUNS):
        documents = make_run(seed, 40, page=20 if seed % 2 == 0 else 0)
        body = as_ndjson(documents)
        http.post("/api/v1/documents", content=body, headers=NDJSON).raise_for_status()
    flag = {"detector": "camera", "value": "bad", "comment": "snow"}
    http.post(f"/api/v1/runs/{RUN}/flags", json=flag).raise_for_status()
    given = {"RUN": RUN, "PROJECTION": "generic", "FORMAT": "nexus"}
    wanted = {"kind": "project", "parameters": given, "run": True}
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    until(lambda: http.get(f"/api/v1/jobs/{job}").json()["phase"] == "COMPLETED")
    found: dict[str, Any] = http.get(f"/api/v1/products/{job}").json()
    return found


def send_orphan(http: httpx.Client) -> str:
    """Send an event whose descriptor never comes; return its uid."""
    event = {
        "uid": str(uuid.uuid4()),
        "descriptor": "never comes",
        "seq_num": 1,
        "time": 1.7e9,
        "data": {},
        "timestamps": {},
    }
    line = json.dumps(["event", event])
    http.post("/api/v1/documents", content=line, headers=NDJSON).raise_for_status()
    return str(event["uid"])


def seen(http: httpx.Client) -> dict[str, Any]:
    """Return what people see of the runs, in several ways."""

    def found(query: str) -> list[str]:
        answer = http.get("/api/v1/runs", params={"q": query}).json()
        return sorted(one["uid"] for one in answer["runs"])

    def counted() -> dict[str, Any]:
        facets: dict[str, Any] = http.get("/api/v1/runs/facets").json()
        return facets

    return {
        "by plan": found("plan_name = 'count'"),
        "by text": found('"count"'),
        "by flag": found("flag.camera = 'bad'"),
        "facets": counted(),
        "run": http.get(f"/api/v1/runs/{RUN}").json(),
    }
