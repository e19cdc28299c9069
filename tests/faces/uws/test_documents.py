from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.faces.uws.times import read_time, write_time
from quire.faces.uws.wire import (
    JobView,
    job_document,
    jobs_document,
    parameters_document,
    results_document,
)
from quire.faces.uws.xml import legal
from quire.jobs.job import Alert, Job, JobError, JobResult, Severity
from quire.jobs.phases import Phase

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
Judge = Callable[[bytes], Any]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NASTY = st.one_of(
    TEXT, st.sampled_from(["\0", "\x1b[0m", "]]>", "<&\"'>", "\r\n", " "])
)
TIMES = st.one_of(st.none(), st.floats(-1e12, 1e12), st.floats(allow_nan=False))
VALUES = st.one_of(
    NASTY, st.booleans(), st.integers(), st.floats(), st.lists(NASTY, max_size=3),
    st.dictionaries(TEXT, NASTY, max_size=2),
)  # fmt: skip
RESULTS = st.builds(
    JobResult, id=NASTY, path=TEXT, size=st.integers(-1, 2**70), mime_type=NASTY
)
JOBS = st.builds(
    Job,
    id=NASTY,
    kind=TEXT,
    owner=NASTY,
    phase=st.sampled_from(Phase),
    parameters=st.dictionaries(NASTY, VALUES, max_size=4),
    run_id=NASTY,
    created=st.floats(0, 1e13),
    started=TIMES,
    ended=TIMES,
    destruction=TIMES,
    execution_duration=st.integers(0, 2**31 - 1),
    attempt=st.integers(0, 9),
    error=st.none()
    | st.builds(
        JobError,
        type=st.sampled_from(["transient", "fatal"]),
        code=NASTY,
        message=NASTY,
        detail=NASTY,
    ),
    alerts=st.tuples(
        st.builds(
            Alert, id=NASTY, severity=st.sampled_from(Severity), description=NASTY
        )
    ),
    retry_of=NASTY,
    host=NASTY,
)
VIEWS = st.builds(
    JobView,
    job=JOBS,
    url=st.just("http://127.0.0.1:8642/uws/wait/jobs/1"),
    results=st.lists(RESULTS, max_size=4, unique_by=lambda one: legal(one.id)).map(
        tuple
    ),
    quote=TIMES,
    files=st.frozensets(st.sampled_from(["A", "B"])),
    host=NASTY,
)


@given(view=VIEWS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_document_of_a_job_is_valid(judge: Judge, view: JobView) -> None:
    tree = judge(job_document(view))
    assert tree.findtext(f"{UWS}phase") == view.job.phase
    assert len(tree.find(f"{UWS}results")) == len(view.results)
    judge(parameters_document(view))
    judge(results_document(view))


@given(pages=st.lists(st.lists(JOBS, max_size=3).map(tuple), max_size=3))
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
async def test_every_list_is_valid(judge: Judge, pages: list[tuple[Job, ...]]) -> None:
    async def given_pages() -> AsyncIterator[tuple[Job, ...]]:
        for page in pages:
            yield page

    pieces = jobs_document(given_pages(), "http://127.0.0.1/uws/wait/jobs")
    document = b"".join([piece async for piece in pieces])
    tree = judge(document)
    assert len(tree) == sum(map(len, pages))


@pytest.mark.parametrize("phase", Phase)
def test_a_bare_job_is_valid_in_every_phase(judge: Judge, phase: Phase) -> None:
    job = Job(id="1", kind="wait", owner="me", phase=phase)
    judge(job_document(JobView(job=job, url="http://127.0.0.1/uws/wait/jobs/1")))


@given(seconds=st.integers(-62_135_596_800, 253_402_300_799), micro=st.integers(0, 999))
def test_what_is_written_is_read_again(seconds: int, micro: int) -> None:
    moment = seconds + micro / 1000
    text = write_time(moment)
    assert text is not None
    assert read_time("TIME", text, strict=True) == pytest.approx(moment, abs=1e-4)
