"""One job: its document, its phase and its atoms."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from quire.access.principals import Principal
from quire.errors import InputError, NotFound
from quire.faces.uws.errors import only
from quire.faces.uws.forms import Form, query_form, read_form
from quire.faces.uws.jobs import UwsJobs, see
from quire.faces.uws.lists import main_result
from quire.faces.uws.pages import Pages
from quire.faces.uws.sending import (
    ACTION,
    CONTROL,
    DESTRUCTION,
    DURATION,
    PHASE,
    destruction,
    whole_number,
)
from quire.faces.uws.times import write_time
from quire.faces.uws.values import ValueRoutes
from quire.faces.uws.wire import job_document
from quire.faces.uws.xml import MEDIA_TYPE
from quire.jobs.job import Job
from quire.jobs.phases import Phase

# Longer than this nobody is held; whoever wants to wait on asks again (seconds).
LONGEST_WAIT = 60.0
# After a deletion the client is sent to the newest jobs, not to all of them.
_LAST = 100


class SingleRoutes:
    """A job, and what a client may do with it."""

    def __init__(self, uws: UwsJobs, pages: Pages, values: ValueRoutes) -> None:
        self._uws = uws
        self._pages = pages
        self._values = values

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return the job, after `WAIT` seconds or when its phase has changed."""
        job = await self._uws.job(request, principal)
        seconds = _wait(query_form(request), job)
        if seconds:
            await self._uws.verbs.waiting.changed(job.id, seconds)
            job = await self._uws.job(request, principal)
        view = await self._uws.view(request, job)
        if self._pages.wanted(request):
            return self._pages.job(
                self._uws.kind(request), view, self._uws.collection(request)
            )
        return Response(job_document(view), media_type=MEDIA_TYPE)

    async def post(self, request: Request, principal: Principal) -> Response:
        """Delete with `ACTION=DELETE`; else change the phase or the parameters."""
        job = await self._uws.job(request, principal)
        form = await read_form(request, self._uws.body_limit)
        action = form.one(ACTION)
        if action is not None and only(ACTION, action, ("DELETE",)):
            return await self.delete(request, principal)
        if form.without(CONTROL) or form.files:
            await self._values.change(request, job, form, principal)
        if form.one(PHASE) is not None:
            await self._turn(job, form, principal)
        return self._uws.see_job(request, job.id)

    async def delete(self, request: Request, principal: Principal) -> Response:
        """Forget the job, in any phase, with its files."""
        job = await self._uws.job(request, principal)
        await self._uws.verbs.destroying.delete(job.id, principal)
        return see(f"{self._uws.collection(request)}?LAST={_LAST}")

    async def phase(self, request: Request, principal: Principal) -> Response:
        """Return the phase."""
        return _atom((await self._uws.job(request, principal)).phase.value)

    async def set_phase(self, request: Request, principal: Principal) -> Response:
        """Run the job or abort it."""
        job = await self._uws.job(request, principal)
        form = await read_form(request, self._uws.body_limit)
        await self._turn(job, form, principal)
        return self._uws.see_job(request, job.id)

    async def duration(self, request: Request, principal: Principal) -> Response:
        """Return how many seconds the job may take, 0 for any number."""
        job = await self._uws.job(request, principal)
        return _atom(str(job.execution_duration))

    async def set_duration(self, request: Request, principal: Principal) -> Response:
        """Say how many seconds the job may take."""
        job = await self._uws.job(request, principal)
        form = await read_form(request, self._uws.body_limit)
        seconds = whole_number(form, DURATION)
        if seconds is None:
            raise InputError(DURATION, "missing", "seconds, 0 for any number")
        await self._uws.verbs.edits.set_duration(job.id, seconds, principal)
        return self._uws.see_job(request, job.id)

    async def destruction(self, request: Request, principal: Principal) -> Response:
        """Return when the job is to be destroyed; empty for never."""
        job = await self._uws.job(request, principal)
        return _atom(write_time(job.destruction) or "")

    async def set_destruction(self, request: Request, principal: Principal) -> Response:
        """Say when the job is to be destroyed; empty for never."""
        job = await self._uws.job(request, principal)
        form = await read_form(request, self._uws.body_limit)
        if form.one(DESTRUCTION) is None:
            raise InputError(DESTRUCTION, "missing", "a time, or nothing for never")
        at = destruction(form)
        await self._uws.verbs.edits.set_destruction(job.id, at, principal)
        return self._uws.see_job(request, job.id)

    async def quote(self, request: Request, principal: Principal) -> Response:
        """Return when the job is likely to be done; empty if unknown."""
        job = await self._uws.job(request, principal)
        return _atom(write_time(await self._uws.verbs.quotes.of(job)) or "")

    async def owner(self, request: Request, principal: Principal) -> Response:
        """Return whose job it is."""
        return _atom((await self._uws.job(request, principal)).owner)

    async def error(self, request: Request, principal: Principal) -> Response:
        """Return why the job failed."""
        job = await self._uws.job(request, principal)
        if job.error is None:
            raise NotFound("error of job", job.id, "it has not failed")
        lines = (f"{job.error.code}: {job.error.message}", job.error.detail)
        return _atom("\n\n".join(line for line in lines if line) + "\n")

    async def sync(self, request: Request, principal: Principal) -> Response:
        """Wait for the job and point to its main result."""
        job = await self._uws.job(request, principal)
        await self._uws.verbs.waiting.ended(job.id, LONGEST_WAIT)
        job = await self._uws.job(request, principal)
        here = f"{self._uws.service(request)}/jobs/{job.id}"
        match job.phase:
            case Phase.COMPLETED:
                results = await self._uws.verbs.files.results(job)
                name = main_result(tuple(result.id for result in results))
                return see(f"{here}/results/{name}" if name else f"{here}/results")
            case Phase.ERROR:
                return see(f"{here}/error")
            case Phase.ABORTED | Phase.ARCHIVED | Phase.HELD:
                return see(here)
            case _:
                return see(f"{self._uws.service(request)}/sync/{job.id}")

    async def _turn(self, job: Job, form: Form, principal: Principal) -> None:
        phase = form.one(PHASE)
        if phase is None:
            raise InputError(PHASE, "missing", "RUN or ABORT")
        jobs = self._uws.verbs.jobs
        verbs = {"RUN": jobs.run, "ABORT": jobs.abort}
        await verbs[only(PHASE, phase, tuple(verbs))](job.id, principal)


def _wait(form: Form, job: Job) -> float:
    """Return the seconds to wait for a change of a job's phase (UWS 1.1, 2.2.1.1)."""
    wait, phase = whole_number(form, "WAIT"), form.one(PHASE)
    if wait is not None and wait < -1:
        raise InputError("WAIT", f"{wait} is out of range", "-1 or more seconds")
    known = None if phase is None else only(PHASE, phase, tuple(Phase))
    if wait is None or (known is not None and known != job.phase):
        return 0.0
    return LONGEST_WAIT if wait < 0 else min(float(wait), LONGEST_WAIT)


def _atom(text: str) -> Response:
    return PlainTextResponse(text.encode("utf-8", "replace"))
