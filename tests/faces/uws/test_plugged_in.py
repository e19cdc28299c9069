"""A kind of another package: partial results, and what an abort leaves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.faces.uws.test_service import ended, make

from quire.testing.campaigns.server import ServerProcess

MODULE = """
import time
from quire.jobs.job import Completed, JobResult
from quire.jobs.parameters import read_parameters
from quire.ports.kind import Plan

class Partial:
    name = "partial"
    description = "Shows its first result and goes on."
    parameters = ()

    def plan(self, parameters):
        return Plan(parameters=read_parameters((), parameters))

    def work(self, context):
        path = context.folder / "first.txt"
        path.write_text("first")
        place = str(path.relative_to(context.assignment.data_folder))
        context.deliver(
            JobResult(id="first", path=place, size=5, mime_type="text/plain")
        )
        while not context.cancelled():
            time.sleep(0.01)
        return Completed()
"""


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("plugged")
    info = folder / "package" / "partial_kind-1.dist-info"
    info.mkdir(parents=True)
    (folder / "package" / "partial_kind.py").write_text(MODULE)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: partial-kind\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text("[quire.kinds]\np = partial_kind:Partial\n")
    environment = {"PYTHONPATH": str(Path(info.parent))}
    server = ServerProcess(folder / "data", environment=environment)
    server.start()
    try:
        with server.http() as client:
            yield client
    finally:
        server.stop()


def test_a_result_is_there_while_the_job_runs(http: httpx.Client) -> None:
    job = make(http, "partial", PHASE="RUN")
    while http.get(f"{job}/results/first").status_code != 200:
        http.get(job, params={"WAIT": "1", "PHASE": "QUEUED"})
    assert http.get(f"{job}/phase").text == "EXECUTING"
    name = job.rpartition("/")[2]
    (result,) = http.get(f"/api/v1/jobs/{name}/results").json()["results"]
    assert http.get(result["href"]).text == "first"
    http.post(f"{job}/phase", data={"PHASE": "ABORT"})
    assert ended(http, job) == "ABORTED"
    assert http.get(f"{job}/results/first").text == "first"


def test_many_who_change_one_job_get_an_answer_each(http: httpx.Client) -> None:
    job = make(http, "wait", SECONDS="0")

    def change(number: int) -> int:
        match number % 4:
            case 0:
                answer = http.post(f"{job}/parameters", data={"STEPS": str(number + 1)})
            case 1:
                answer = http.post(f"{job}/phase", data={"PHASE": "RUN"})
            case 2:
                answer = http.post(f"{job}/phase", data={"PHASE": "ABORT"})
            case _:
                form = {"EXECUTIONDURATION": str(number)}
                answer = http.post(f"{job}/executionduration", data=form)
        return answer.status_code

    with ThreadPoolExecutor(16) as pool:
        codes = set(pool.map(change, range(64)))
    assert codes <= {303, 403}
    assert ended(http, job) in {"ABORTED", "COMPLETED"}


def test_the_reference_names_all_of_it(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    for path in (
        "/uws/{kind}/jobs/{id}/phase",
        "/uws/{kind}/sync",
        "/api/v1/jobs/{id}/log",
        "/api/v1/kinds/{name}",
    ):
        assert path in document["paths"]
    changes = document["components"]["schemas"]["Changes"]["properties"]
    assert set(changes) == {
        "parameters",
        "run_id",
        "execution_duration",
        "destruction",
    }
    parameters = document["components"]["schemas"]["WaitParameters"]["properties"]
    assert parameters["SECONDS"]["minimum"] == 0
    assert parameters["SECONDS"]["default"] == 1.0
    assert parameters["SECONDS"]["description"] == "How long to wait (s)"
    schemas = document["components"]["schemas"]
    assert schemas["PartialJob"]["properties"]["kind"] == {"enum": ["partial"]}
    assert schemas["MergeParameters"]["required"] == ["SPECIFICATION"]
    assert http.get("/docs").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind": "wait", "run_id": "\\ud800"}',
        b'{"kind": "wait", "run_id": "\\u0000"}',
        b'{"kind": "\\ud800"}',
        b'{"kind": "wait", "parameters": {"SECONDS": 1e400}}',
        b'{"kind": "wait", "parameters": {"SECONDS": NaN}}',
        b'{"kind": "wait", "parameters": {"STEPS": ' + b"9" * 400 + b"}}",
        b'{"kind": "wait", "parameters": {"\\ud800": 1, "": null}}',
        b'{"kind": "wait", "parameters": {"FAIL": {"a": [[]]}}}',
        b'{"kind": "merge", "parameters": {"SPECIFICATION": {"id": "\\ud800"}}}',
        b'{"kind": "merge", "parameters": {"RUN": {"a": 1}}}',
        b'{"kind": "wait", "execution_duration": ' + b"9" * 30 + b"}",
        b'{"kind": "wait", "execution_duration": -1}',
        b'{"kind": "wait", "destruction": 1e308}',
        b'{"kind": "wait", "destruction": -1}',
        b'{"kind": "wait", "destruction": "soon"}',
        b"[" * 5000,
        b'{"kind": "wait", "kind": "wait"}',
    ],
)
def test_hostile_json_is_never_a_500(http: httpx.Client, body: bytes) -> None:
    made = http.post("/api/v1/jobs", content=body)
    assert made.status_code < 500, made.text
    if made.status_code == 201:
        job = made.json()["id"]
        for path in (f"/api/v1/jobs/{job}", f"/uws/wait/jobs/{job}", "/uws/wait/jobs"):
            assert http.get(path).status_code == 200
        assert http.get("/api/v1/jobs").status_code == 200
    job = http.post("/api/v1/jobs", json={"kind": "wait"}).json()["id"]
    patched = http.patch(f"/api/v1/jobs/{job}", content=body)
    assert patched.status_code < 500, patched.text
    keyed = http.post(
        "/api/v1/jobs", content=body, headers=[(b"idempotency-key", b"\xff\xe9'")]
    )
    assert keyed.status_code < 500, keyed.text


@pytest.mark.parametrize(
    "query",
    [
        "parameters.=x", "parameters.%00=%00", "run_id=%ff", "error=%00", "owner=%ed%a0%80",
        "limit=99999999999999999999", "phase=&phase=", "kind=%00", "run=%00",
        "cursor=e30", "cursor=" + "A" * 5000, "parameters.A=" + "x" * 5000,
    ],
)  # fmt: skip
def test_hostile_searches_are_never_a_500(http: httpx.Client, query: str) -> None:
    assert http.get(f"/api/v1/jobs?{query}").status_code < 500
