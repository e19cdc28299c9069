import subprocess
import sys

import pytest
from tests.client.serving import Server

import quire
from quire.client.connection import Connection
from quire.client.errors import JobFailed, RefusedInput, RefusedToken
from quire.errors import InputError
from quire.testing.waiting import PATIENCE


@pytest.mark.usefixtures("running")
def test_a_job_is_waited_for() -> None:
    job = quire.submit("wait", steps=25)
    told = list(job.progress(PATIENCE))
    # The server cuts each connection after ten events.
    assert [one.id for one in told] == list(range(1, 27))
    assert told[-1].event.type == "complete"
    assert job.wait(PATIENCE).phase == "COMPLETED"


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
