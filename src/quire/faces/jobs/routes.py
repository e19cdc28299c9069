"""`/api/v1/jobs`: the same jobs that every other face shows."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.destroying import Destroying
from quire.actions.job_edits import JobEdits
from quire.actions.submit import LONGEST_RUN_ID, Jobs
from quire.actions.submit import Request as JobRequest
from quire.actions.waiting import Waiting
from quire.errors import InputError
from quire.faces.jobs.models import request_model
from quire.faces.jobs.wire import job_json
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.web.body import integer, read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate, Handler
from quire.web.json import json_response
from quire.web.paging import from_cursor, to_cursor

_PAGE = 50
_LARGEST_PAGE = 1000
_LONGEST_KEY = 255
_LONGEST_WAIT = 60
_PARAMETER = "parameters."
_MOST_PARAMETERS = 8
_SEARCHES = {
    "limit": Parameter(says="Jobs in a page", type=int),
    "cursor": Parameter(says="The `next` of the page before"),
    "kind": Parameter(says="Of this kind"),
    "phase": Parameter(says="In any of these phases", type=Phase, many=True),
    "owner": Parameter(says="Of this owner"),
    "run_id": Parameter(says="With this run id"),
    "run": Parameter(says="Working on the run of this uid"),
    "error": Parameter(says="Failed with this code"),
    "parameters.NAME": Parameter(says="With this value of the parameter NAME"),
}

Verb = Callable[[str, Principal], Awaitable[Job]]


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a job; what is left out stays.

    Attributes
    ----------
    parameters, run_id
        While it is PENDING.
    execution_duration
        Seconds that one attempt may take, 0 for no limit; before it begins.
    destruction
        Unix seconds, null for never.
    """

    parameters: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    run_id: (
        Annotated[str, msgspec.Meta(max_length=LONGEST_RUN_ID)] | msgspec.UnsetType
    ) = msgspec.UNSET
    execution_duration: int | msgspec.UnsetType = msgspec.UNSET
    destruction: float | msgspec.UnsetType | None = msgspec.UNSET


class JobRoutes:
    """Jobs in and out."""

    def __init__(
        self,
        jobs: Jobs,
        edits: JobEdits,
        waiting: Waiting,
        destroying: Destroying,
        *,
        body_limit: int,
    ) -> None:
        self._jobs = jobs
        self._edits = edits
        self._waiting = waiting
        self._destroying = destroying
        self._body_limit = body_limit

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every, one = "/api/v1/jobs", "/api/v1/jobs/{id}"
        model = request_model(self._jobs.kinds)
        handlers: tuple[tuple[str, str, Handler, Operation | None], ...] = (
            (every, "POST", self.post, Operation(body=model, answers={201: dict})),
            (every, "GET", self.page, Operation(query=_SEARCHES)),
            (one, "GET", self.get, Operation(query=_WAIT)),
            (one, "PATCH", self.patch, Operation(body=Changes)),
            (one, "DELETE", self.delete, Operation(answers={204: None})),
            (f"{one}/run", "POST", _answering(self._jobs.run), _says("Queue it.")),
            (f"{one}/abort", "POST", _answering(self._jobs.abort), _says("Abort it.")),
            (f"{one}/retry", "POST", _answering(self._jobs.retry), _says("Try again.")),
        )
        return [
            gate.route(
                path,
                handler,
                needs=Scope.JOBS_RUN,
                methods=[method],
                describes=describes,
            )
            for path, method, handler, describes in handlers
        ]

    async def post(self, request: Request, principal: Principal) -> Response:
        """Make a job; the same again for the same `Idempotency-Key`."""
        key = request.headers.get("idempotency-key", "")
        if len(key) > _LONGEST_KEY:
            reason = f"more than {_LONGEST_KEY} characters"
            raise InputError("Idempotency-Key", reason, "such as a UUID")
        wanted = await read_json(request, JobRequest, self._body_limit)
        job = await self._jobs.submit(wanted, principal, key=key)
        location = {"location": f"/api/v1/jobs/{job.id}"}
        return json_response(job_json(job), 201, location)

    async def page(self, request: Request, principal: Principal) -> Response:
        """Return jobs, newest first."""
        limit = integer(request, "limit", _PAGE, least=1, most=_LARGEST_PAGE) or _PAGE
        given = request.query_params
        query = JobQuery(
            limit=limit + 1,
            phases=_phases(request),
            kind=given.get("kind", ""),
            run=given.get("run", ""),
            owner=given.get("owner"),
            run_id=given.get("run_id", ""),
            error=given.get("error", ""),
            parameters=_parameters(request),
            before=from_cursor(given.get("cursor"), tuple[float, str]),
        )
        jobs = await self._jobs.page(query, principal)
        shown = jobs[:limit]
        more = len(jobs) > limit
        following = to_cursor((shown[-1].created, shown[-1].id)) if more else None
        return json_response({"jobs": list(map(job_json, shown)), "next": following})

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return one job, after `wait` seconds or when its phase has changed."""
        seconds = integer(request, "wait", 0, least=0, most=_LONGEST_WAIT) or 0
        job = await self._jobs.get(request.path_params["id"], principal)
        if seconds and not job.phase.final:
            await self._waiting.changed(job.id, seconds)
            job = await self._jobs.get(job.id, principal)
        return json_response(job_json(job))

    async def patch(self, request: Request, principal: Principal) -> Response:
        """Change parameters, times or the run id of a job."""
        name = request.path_params["id"]
        job = await self._jobs.get(name, principal)
        changes = await read_json(request, Changes, self._body_limit)
        given = {} if changes.parameters is msgspec.UNSET else changes.parameters
        run_id = None if changes.run_id is msgspec.UNSET else changes.run_id
        if given or run_id is not None:
            job = await self._edits.set_parameters(
                name, given, principal, run_id=run_id
            )
        if changes.execution_duration is not msgspec.UNSET:
            seconds = changes.execution_duration
            job = await self._edits.set_duration(name, seconds, principal)
        if changes.destruction is not msgspec.UNSET:
            at = changes.destruction
            job = await self._edits.set_destruction(name, at, principal)
        return json_response(job_json(job))

    async def delete(self, request: Request, principal: Principal) -> Response:
        """Forget a job with its files; its product stays."""
        await self._destroying.delete(request.path_params["id"], principal)
        return Response(status_code=204)


_WAIT = {"wait": Parameter(says="Seconds to wait for a change of phase", type=int)}


def _says(summary: str) -> Operation:
    return Operation(summary=summary)


def _answering(verb: Verb) -> Handler:
    async def handler(request: Request, principal: Principal) -> Response:
        job = await verb(request.path_params["id"], principal)
        return json_response(job_json(job))

    return handler


def _phases(request: Request) -> frozenset[Phase]:
    given = request.query_params.getlist("phase")
    try:
        return frozenset(Phase(text.upper()) for text in given)
    except ValueError as error:
        known = ", ".join(Phase)
        raise InputError("phase", str(error), f"one of {known}") from None


def _parameters(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the values to search by: ``parameters.NAME=value``, as text."""
    found = tuple(
        (name.removeprefix(_PARAMETER).upper(), value)
        for name, value in request.query_params.multi_items()
        if name.startswith(_PARAMETER)
    )
    if len(found) > _MOST_PARAMETERS:
        reason = f"more than {_MOST_PARAMETERS} parameters"
        raise InputError("parameters", reason, "search by fewer")
    return found
