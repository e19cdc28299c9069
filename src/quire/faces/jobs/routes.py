"""`/api/v1/jobs`: the same jobs that every other face shows."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.submit import Jobs
from quire.actions.submit import Request as JobRequest
from quire.errors import InputError
from quire.faces.jobs.wire import job_json
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.web.body import integer, read_json
from quire.web.gate import Gate, Handler
from quire.web.json import json_response
from quire.web.paging import from_cursor, to_cursor

_PAGE = 50
_LARGEST_PAGE = 1000

Verb = Callable[[str, Principal], Awaitable[Job]]


class JobRoutes:
    """Jobs in and out."""

    def __init__(self, jobs: Jobs, *, body_limit: int) -> None:
        self._jobs = jobs
        self._body_limit = body_limit

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        needs = Scope.JOBS_RUN
        every, one = "/api/v1/jobs", "/api/v1/jobs/{id}"
        verbs = {
            "run": self._jobs.run,
            "abort": self._jobs.abort,
            "retry": self._jobs.retry,
        }
        return [
            gate.route(every, self.post, needs=needs, methods=["POST"]),
            gate.route(every, self.page, needs=needs, methods=["GET"]),
            gate.route(one, self.get, needs=needs, methods=["GET"]),
            *(
                gate.route(
                    f"{one}/{name}", _answering(verb), needs=needs, methods=["POST"]
                )
                for name, verb in verbs.items()
            ),
        ]

    async def post(self, request: Request, principal: Principal) -> Response:
        """Make a job."""
        wanted = await read_json(request, JobRequest, self._body_limit)
        job = await self._jobs.submit(wanted, principal)
        location = {"location": f"/api/v1/jobs/{job.id}"}
        return json_response(job_json(job), 201, location)

    async def page(self, request: Request, principal: Principal) -> Response:
        """Return jobs, newest first."""
        limit = integer(request, "limit", _PAGE, least=1, most=_LARGEST_PAGE) or _PAGE
        query = JobQuery(
            limit=limit + 1,
            phases=_phases(request),
            kind=request.query_params.get("kind", ""),
            run=request.query_params.get("run", ""),
            owner=request.query_params.get("owner"),
            before=from_cursor(request.query_params.get("cursor"), tuple[float, str]),
        )
        jobs = await self._jobs.page(query, principal)
        shown = jobs[:limit]
        more = len(jobs) > limit
        following = to_cursor((shown[-1].created, shown[-1].id)) if more else None
        return json_response({"jobs": list(map(job_json, shown)), "next": following})

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return one job."""
        job = await self._jobs.get(request.path_params["id"], principal)
        return json_response(job_json(job))


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
