"""Clients that astronomers have, unchanged, against a live server."""

import gc
import http.client
import io
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyvo  # type: ignore[import-untyped]
    from astropy.io.votable import parse as parse_votable
    from astropy.time import Time
    from astroquery.utils.tap.conn.tapconn import TapConn  # type: ignore[import-untyped]
    from astroquery.utils.tap.core import TapPlus  # type: ignore[import-untyped]
    from pyvo.dal.exceptions import DALQueryError, DALServiceError  # type: ignore[import-untyped]
    from pyvo.io import vosi  # type: ignore[import-untyped]

# Both leave connections to the garbage collector; it is called before the test ends.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
QUERY = "SELECT n FROM t WHERE a < 'b&c'"


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def session(served: ServerProcess) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = ("token", served.address.token)
        yield session


@pytest.fixture
def tap(served: ServerProcess, session: requests.Session) -> Any:
    return pyvo.dal.TAPService(f"{served.address.url}/uws/tap", session=session)


@pytest.fixture
def plus(served: ServerProcess) -> Any:
    """astroquery's client, its connections made to send our token."""
    address = urlsplit(served.address.url)
    token = served.address.token

    class Connection(http.client.HTTPConnection):
        def putrequest(self, *words: Any, **options: Any) -> None:
            super().putrequest(*words, **options)
            self.putheader("Authorization", f"Bearer {token}")

    class Connections:
        def get_connection(self, **_: Any) -> Connection:
            return Connection(str(address.hostname), address.port, timeout=PATIENCE)

    handler = TapConn(
        ishttps=False,
        host=address.hostname,
        server_context="uws",
        tap_context="tap",
        port=address.port,
        connhandler=Connections(),
    )
    return TapPlus(
        host=address.hostname, server_context="uws", tap_context="tap",
        connhandler=handler,
    )  # fmt: skip


def test_pyvo_runs_a_query_to_its_table(tap: Any) -> None:
    table = tap.run_async(QUERY, maxrec=3)
    assert len(table) == 3
    with pytest.raises(DALServiceError):
        tap.run_async(QUERY, language="SQL")


def test_pyvo_drives_a_job_by_every_verb(tap: Any, session: requests.Session) -> None:
    job = tap.submit_job(QUERY)
    assert job.phase == "PENDING"
    assert job.query == QUERY
    assert job.job_id == job.url.rpartition("/")[2]
    assert job.owner
    assert job.uws_version == "1.1"
    job.query = "SELECT 2"
    assert job.query == "SELECT 2"
    job.execution_duration = 500
    assert job.execution_duration.sec == 500
    later = datetime(2028, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001  # as pyvo has it
    job.destruction = later
    assert abs(job.destruction - Time(later)) < timedelta(milliseconds=2)
    assert job.quote is None or job.quote > Time("2026-01-01")
    table = io.BytesIO(b"<VOTABLE/>")
    job.upload(t1=table)
    job.run()
    job.wait(timeout=PATIENCE)
    assert job.phase == "COMPLETED"
    job.raise_if_error()
    assert job.result_uri == f"{job.url}/results/result"
    assert job.result_uris == [job.result_uri]
    assert job.results
    assert len(job.fetch_result()) == 2
    again = pyvo.dal.AsyncTAPJob(job.url, session=session)
    assert again.phase == "COMPLETED"
    job.delete()
    with pytest.raises(DALServiceError):
        pyvo.dal.AsyncTAPJob(again.url, session=session)


def test_pyvo_aborts_and_sees_errors(
    served: ServerProcess, session: requests.Session, tap: Any
) -> None:
    job = tap.submit_job(QUERY)
    job.abort()
    assert job.phase == "ABORTED"
    wait = f"{served.address.url}/uws/wait/jobs"
    answer = session.post(wait, {"SECONDS": "0", "FAIL": "1", "PHASE": "RUN"})
    failing = pyvo.dal.AsyncTAPJob(answer.url, session=session)
    failing.wait(phases={"ERROR"}, timeout=PATIENCE)
    assert failing.phase == "ERROR"
    with pytest.raises(DALQueryError, match="asked_to_fail"):
        failing.raise_if_error()


def test_pyvo_lists_jobs(tap: Any) -> None:
    first = tap.submit_job(QUERY)
    second = tap.submit_job(QUERY)
    listed = tap.get_job_list(last=2)
    assert [one.jobid for one in listed] == [second.job_id, first.job_id]
    assert {one.phase for one in tap.get_job_list(phases=["PENDING"])} == {"PENDING"}
    assert tap.get_job_list(after=datetime(2028, 1, 1)) == []  # noqa: DTZ001
    full = tap.get_job_list(last=1, short_description=False)
    assert full[0].phase == "PENDING"


def test_pyvo_reads_capabilities(served: ServerProcess) -> None:
    base = f"{served.address.url}/uws/tap"
    answer = requests.get(f"{base}/capabilities", timeout=PATIENCE)
    found = vosi.parse_capabilities(io.BytesIO(answer.content).read)
    standards = {one.standardid: one for one in found}
    offered = standards["ivo://ivoa.net/std/UWS#rest-1.1"]
    assert offered.interfaces[0].accessurls[0].content == f"{base}/jobs"
    answer = requests.get(f"{base}/availability", timeout=PATIENCE)
    available = vosi.parse_availability(io.BytesIO(answer.content).read)
    assert available.available


def test_astropy_reads_the_job_description(served: ServerProcess) -> None:
    url = f"{served.address.url}/uws/echo/job-description"
    answer = requests.get(url, timeout=PATIENCE)
    assert answer.headers["content-type"].startswith("application/x-votable+xml")
    table = parse_votable(io.BytesIO(answer.content), verify="exception")
    resource = table.resources[0]
    groups = {group.name: list(group.entries) for group in resource.groups}
    inputs = {param.name: param for param in groups["InputParams"]}
    assert str(inputs["LEVEL"].unit) == "m / s"
    assert (inputs["LEVEL"].values.min, inputs["LEVEL"].values.max) == (0, 10)
    assert inputs["MODE"].value == "slow"
    assert [value for _, value in inputs["MODE"].values.options] == ["fast", "slow"]
    assert [param.name for param in groups["Used"]] == ["FILE"]


def test_astroquery_runs_a_query(plus: Any) -> None:
    job = plus.launch_job_async(QUERY, maxrec=4)
    assert job.get_phase(update=True) == "COMPLETED"
    assert len(job.get_results()) == 4


def test_astroquery_drives_a_job(plus: Any) -> None:
    job = plus.launch_job_async(QUERY, autorun=False, name="named")
    assert job.get_phase(update=True) == "PENDING"
    # It takes nothing but 200 for an answer, where UWS has 303; what it asks is done.
    with pytest.raises(requests.exceptions.HTTPError):
        job.send_parameter(name="MAXREC", value="5")
    job.start()
    assert len(job.get_results()) == 5
    loaded = plus.load_async_job(jobid=job.jobid)
    assert loaded.get_phase() == "COMPLETED"
    assert job.jobid in {one.jobid for one in plus.list_async_jobs()}
    other = plus.launch_job_async(QUERY, autorun=False)
    with pytest.raises(requests.exceptions.HTTPError):
        other.abort()
    assert other.get_phase(update=True) == "ABORTED"


def test_astroquery_uploads_a_table(plus: Any, tmp_path: Any) -> None:
    table = tmp_path / "t.vot"
    table.write_text("<VOTABLE/>")
    job = plus.launch_job_async(
        QUERY, upload_resource=str(table), upload_table_name="t1"
    )
    results = job.get_results()
    # The program counts its arguments: the query and the table's path.
    assert int(results[results.colnames[-1]][0]) == 2


def test_astroquery_is_told_of_a_refusal(plus: Any) -> None:
    with pytest.raises(requests.exceptions.HTTPError):
        plus.launch_job_async(QUERY, maxrec=-1)
