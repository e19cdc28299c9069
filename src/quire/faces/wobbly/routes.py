"""`/wobbly/jobs`: what services do with their users' jobs."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.access.proxy import TrustedProxy
from quire.actions.outside_jobs import CHUNK, Listing, OutsideJobs
from quire.faces.wobbly.errors import refuse
from quire.faces.wobbly.links import link
from quire.faces.wobbly.requests import Search, job_number, new_job, report
from quire.faces.wobbly.wire import JobCreate, JobModel, JobUpdate, encoded, shown
from quire.jobs.phases import Phase
from quire.ports.job_numbers import NumberQuery
from quire.web.body import read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.proxy import public_base, public_url
from quire.web.streaming import StreamedBody

PREFIX = "/wobbly"
_JSON = "application/json"
# A chunk of jobs is in memory at once.
LARGEST_JOB = 2**20
SEARCH = {
    "phase": Parameter(says="Only jobs in these phases", type=Phase, many=True),
    "since": Parameter(says="Only jobs created later"),
    "cursor": Parameter(says="Where the page begins: from the Link header"),
    "limit": Parameter(says="How many at most", type=int),
}


class WobblyRoutes:
    """Jobs of services, in and out.

    Parameters
    ----------
    gate
        Admits services alone.
    body_limit
        Bytes of one request; never more than 1 MiB.
    """

    def __init__(
        self, jobs: OutsideJobs, gate: Gate, proxy: TrustedProxy, *, body_limit: int
    ) -> None:
        self._jobs = jobs
        self._gate = gate
        self._proxy = proxy
        self._body_limit = min(body_limit, LARGEST_JOB)

    def routes(self, _: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every, one = f"{PREFIX}/jobs", f"{PREFIX}/jobs/{{job_id}}"
        job, created = Operation(answers={200: JobModel}), {201: JobModel}
        make = Operation(body=JobCreate, answers=created)
        change = Operation(body=JobUpdate, answers={200: JobModel})
        listed = Operation(query=SEARCH, answers={200: list[JobModel]})
        gone = Operation(answers={204: None})
        handlers = (
            (every, "GET", self.page, listed),
            (every, "POST", self.create, make),
            (one, "GET", self.get, job),
            (one, "PATCH", self.change, change),
            (one, "DELETE", self.delete, gone),
        )
        return [
            self._gate.route(
                path,
                handler,
                needs=Scope.JOBS_RUN,
                methods=[method],
                refuse=refuse,
                describes=operation,
            )
            for path, method, handler, operation in handlers
        ]

    async def page(self, request: Request, principal: Principal) -> Response:
        """List the user's jobs of the service."""
        search = Search(request.query_params)
        query = msgspec.structs.replace(
            search.query, service=principal.service, owner=principal.name
        )
        return await answer_list(self._jobs, request, search, query, self._proxy)

    async def create(self, request: Request, principal: Principal) -> Response:
        """Make a job, PENDING."""
        body = await self._body(request)
        made = await self._jobs.create(new_job(body), principal)
        base = public_base(request, self._proxy)
        location = {"location": f"{base}{PREFIX}/jobs/{made.number}"}
        return json_response(shown(made), 201, location)

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return a job."""
        number = job_number(request.path_params["job_id"])
        return json_response(shown(await self._jobs.get(number, principal)))

    async def change(self, request: Request, principal: Principal) -> Response:
        """Report the phase of a job, or change its times."""
        number = job_number(request.path_params["job_id"])
        told = report(await self._body(request))
        return json_response(shown(await self._jobs.report(number, told, principal)))

    async def delete(self, request: Request, principal: Principal) -> Response:
        """Forget a job."""
        number = job_number(request.path_params["job_id"])
        await self._jobs.delete(number, principal)
        return Response(status_code=204)

    async def _body(self, request: Request) -> Any:
        return await read_json(request, object, self._body_limit)


async def answer_list(
    jobs: OutsideJobs,
    request: Request,
    search: Search,
    query: NumberQuery,
    proxy: TrustedProxy,
) -> Response:
    """Return a list of jobs, long ones chunk by chunk as they are read."""
    listing = await jobs.listing(query, limit=search.limit, behind=search.behind)
    response: Response
    if search.limit is not None and search.limit <= CHUNK:
        found = [encoded(chunk) async for chunk in listing.jobs if chunk]
        response = Response(b"[%b]" % b",".join(found), media_type=_JSON)
    else:
        response = StreamedBody(_pieces(listing), media_type=_JSON)
    if search.paged:
        url = public_url(request, proxy)
        response.headers["link"] = link(url, listing, begin=search.begin)
    return response


async def _pieces(listing: Listing) -> AsyncIterator[bytes]:
    between = b"["
    async for chunk in listing.jobs:
        yield between + encoded(chunk)
        between = b","
    yield b"[]" if between == b"[" else b"]"
