import importlib.util
import subprocess
import sys

import pyarrow as pa
import pytest
from tests.client.serving import Server

import quire
from quire.client.catalog import Catalog, connect
from quire.client.connection import Connection
from quire.client.errors import JobFailed, RefusedInput, RefusedToken
from quire.client.tables import dataset
from quire.errors import InputError, NotFound


@pytest.fixture
def catalog(running: Server) -> Catalog:
    with quire.writer(running.url) as writer:
        for number in range(120):
            start = {"uid": f"run-{number:04}", "time": number, "scan_id": number}
            writer("start", start)
        assert writer.flush(20.0)
    return connect()


def test_finds_runs(catalog: Catalog) -> None:
    assert catalog[-1].uid == "run-0119"
    assert catalog["run-0007"].start["scan_id"] == 7
    assert catalog["run-0007"].stop is None
    assert [run.scan_id for run in catalog.recent(3)] == [119, 118, 117]
    assert [run.scan_id for run in catalog] == list(range(119, -1, -1))


def test_says_what_is_not_there(catalog: Catalog) -> None:
    with pytest.raises(KeyError, match="no run"):
        catalog["nothing"]
    with pytest.raises(NotFound):
        catalog["nothing"]
    with pytest.raises(ValueError, match="several"):
        catalog["run-00"]


def test_gives_streams_and_documents(catalog: Catalog) -> None:
    run = catalog[-1]
    assert run.streams == ["primary"]
    assert run.primary.name == run["primary"].name == "primary"
    with pytest.raises(AttributeError, match="there are primary"):
        _ = run.baseline
    assert next(run.documents())[0] == "start"


def test_a_dataset_needs_xarray_and_says_so() -> None:
    table = pa.table({"seq_num": [1], "time": [1.0], "data": [{"x": 1.0}]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    if importlib.util.find_spec("xarray") is None:
        with pytest.raises(ImportError, match="pip install xarray"):
            dataset(sink.getvalue().to_pybytes())
    else:
        assert list(dataset(sink.getvalue().to_pybytes())) == ["x"]


@pytest.mark.usefixtures("running")
def test_a_job_is_waited_for() -> None:
    job = quire.submit("wait", steps=25)
    told = list(job.progress(20.0))
    # The server cuts each connection after ten events.
    assert [one.id for one in told] == list(range(1, 27))
    assert told[-1].event.type == "complete"
    assert job.wait(5.0).phase == "COMPLETED"


@pytest.mark.usefixtures("running")
def test_a_job_that_fails_or_is_held_says_why() -> None:
    with pytest.raises(JobFailed, match="ERROR: as asked"):
        quire.submit("wait", steps=1, fail=True, wait=True)
    with pytest.raises(JobFailed, match="HELD: source is missing"):
        quire.submit("wait", steps=1, hold=True, wait=True)


@pytest.mark.usefixtures("running")
def test_a_job_that_takes_too_long() -> None:
    job = quire.submit("wait", run="run-1", steps=1, pause=60)
    assert job.record["parameters"]["RUN"] == ["run-1"]
    with pytest.raises(TimeoutError):
        job.wait(0.1)
    assert job.abort().phase == "ABORTED"


def test_a_problem_is_a_typed_exception(running: Server) -> None:
    with pytest.raises(RefusedInput, match=r"kind: no such kind \(wait or merge\)"):
        quire.submit("none")
    with pytest.raises(InputError):
        quire.submit("none")
    answer = Connection(running.url, "qt-wrong")
    with answer, pytest.raises(RefusedToken):
        answer.post("/api/v1/documents", [])


def test_importing_quire_loads_nothing_heavy() -> None:
    program = "import sys, quire; print(len({m.partition('.')[0] for m in sys.modules}"
    program += " & {'httpx', 'rich', 'typer', 'numpy', 'pyarrow', 'msgspec'}))"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "0\n"
