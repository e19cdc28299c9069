"""The list of jobs: its filters, its pages, and new jobs."""

from collections.abc import AsyncIterator

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from quire.access.principals import Principal
from quire.actions.submit import Jobs
from quire.actions.submit import Request as JobRequest
from quire.errors import InputError, QuireError
from quire.faces.uws.errors import only
from quire.faces.uws.forms import Form, query_form, read_form
from quire.faces.uws.jobs import UwsJobs, see
from quire.faces.uws.pages import Pages
from quire.faces.uws.sending import (
    DURATION,
    PHASE,
    RUNID,
    destruction,
    whole_number,
)
from quire.faces.uws.times import after, read_time
from quire.faces.uws.wire import jobs_document
from quire.faces.uws.xml import MEDIA_TYPE
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.web.streaming import StreamedBody

_PAGE = 500
_SHOWN_TO_PEOPLE = 200
_MOST = 2**31


class ListRoutes:
    """Lists, and the making of jobs."""

    def __init__(self, uws: UwsJobs, pages: Pages) -> None:
        self._uws = uws
        self._pages = pages

    async def get(self, request: Request, principal: Principal) -> Response:
        """List jobs, newest first."""
        kind = self._uws.kind(request)
        query, most = listing(query_form(request), kind.name)
        jobs = self._uws.verbs.jobs
        if self._pages.wanted(request):
            limit = min(most or _SHOWN_TO_PEOPLE, _SHOWN_TO_PEOPLE)
            found = await jobs.page(replace(query, limit=limit), principal)
            return self._pages.jobs(kind, found, self._uws.collection(request))
        pages = _pages(jobs, query, most, principal)
        pieces = jobs_document(pages, self._uws.collection(request))
        return StreamedBody(pieces, media_type=MEDIA_TYPE)

    async def post(self, request: Request, principal: Principal) -> Response:
        """Make a job, and run it with `PHASE=RUN`."""
        form = await read_form(request, self._uws.body_limit)
        job = await self.make(request, form, principal, run=_to_run(form))
        return self._uws.see_job(request, job.id)

    async def sync(self, request: Request, principal: Principal) -> Response:
        """Make a job, run it, and point to where its result is waited for."""
        if "authorization" not in request.headers and request.method != "POST":
            # A link of another site must not start work in somebody's session.
            raise InputError("method", "starts a job", "send POST")
        form = await read_form(request, self._uws.body_limit)
        job = await self.make(request, form, principal, run=True)
        return see(f"{self._uws.service(request)}/sync/{job.id}")

    async def make(
        self, request: Request, form: Form, principal: Principal, *, run: bool
    ) -> Job:
        """Make a job of a form."""
        kind, verbs = self._uws.kind(request), self._uws.verbs
        job = verbs.jobs.new_id()
        try:
            reader = self._uws.sender(request, job, principal)
            wanted = JobRequest(
                kind=kind.name,
                parameters=await reader.parameters(kind, form),
                run=run,
                run_id=form.one(RUNID) or "",
                execution_duration=whole_number(form, DURATION) or 0,
                destruction=destruction(form),
            )
            return await verbs.jobs.submit(wanted, principal, job_id=job)
        except QuireError:
            await verbs.files.discard(job)
            raise


def listing(form: Form, kind: str) -> tuple[JobQuery, int | None]:
    """Return what a list is asked for, and how many jobs at most (UWS 1.1, 2.2.2.1)."""
    phases = frozenset(
        Phase(only(PHASE, text, tuple(Phase))) for text in form.fields.get(PHASE, ())
    )
    begin, most = form.one("AFTER"), whole_number(form, "LAST")
    if most is not None and not 0 < most < _MOST:
        raise InputError("LAST", f"{most} is out of range", "1 or more")
    query = JobQuery(
        limit=_PAGE,
        kind=kind,
        phases=phases,
        without=None if phases else Phase.ARCHIVED,
        after=None if begin is None else after(read_time("AFTER", begin, strict=False)),
        run_id=form.one(RUNID) or "",
    )
    return query, most


def _to_run(form: Form) -> bool:
    phase = form.one(PHASE)
    return phase is not None and only(PHASE, phase, ("RUN",)) == "RUN"


async def _pages(
    jobs: Jobs, query: JobQuery, most: int | None, principal: Principal
) -> AsyncIterator[tuple[Job, ...]]:
    left = most if most is not None else _MOST
    while left > 0:
        limit = min(left, _PAGE)
        page = await jobs.page(replace(query, limit=limit), principal)
        yield page
        if len(page) < limit:
            return
        left -= len(page)
        query = replace(query, before=(page[-1].created, page[-1].id))


def main_result(names: tuple[str, ...]) -> str:
    """Return the name of the result that a synchronous client wants, empty for none."""
    return "result" if "result" in names else next(iter(names), "")
