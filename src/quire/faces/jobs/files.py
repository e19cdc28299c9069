"""`/api/v1/jobs/{id}/results` and `/log`: what a job makes and says, as it does."""

from collections.abc import AsyncIterator, Sequence

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.job_files import JobFiles
from quire.actions.submit import Jobs
from quire.errors import NotFound
from quire.faces.jobs.wire import result_json
from quire.web.body import integer
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.streaming import StreamedBody

_MOST_ATTEMPTS = 1_000_000
_LOG = Operation(
    query={
        "attempt": Parameter(says="Its number, 0 for the newest", type=int),
        "follow": Parameter(says="Whether to go on to its end: 0 or 1", type=int),
    },
    answers={200: str},
    answer_types=("text/plain",),
)
_FILE = Operation(answers={200: bytes}, answer_types=("application/octet-stream",))


class JobFileRoutes:
    """Files of jobs."""

    def __init__(self, jobs: Jobs, files: JobFiles) -> None:
        self._jobs = jobs
        self._files = files

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one, needs = "/api/v1/jobs/{id}", Scope.JOBS_RUN
        return (
            gate.route(f"{one}/results", self.results, needs=needs, methods=["GET"]),
            gate.route(
                f"{one}/results/{{name}}",
                self.result,
                needs=needs,
                methods=["GET"],
                describes=_FILE,
            ),
            gate.route(
                f"{one}/log", self.log, needs=needs, methods=["GET"], describes=_LOG
            ),
        )

    async def results(self, request: Request, principal: Principal) -> Response:
        """Return what the job has made until now."""
        job = await self._jobs.get(request.path_params["id"], principal)
        found = await self._files.results(job)
        return json_response({"results": [result_json(job.id, one) for one in found]})

    async def result(self, request: Request, principal: Principal) -> Response:
        """Return one result."""
        job = await self._jobs.get(request.path_params["id"], principal)
        file = await self._files.result(job, request.path_params["name"])
        return FileResponse(
            file.path,
            filename=file.path.name,
            media_type=file.mime_type,
            headers={"content-security-policy": "sandbox"},
        )

    async def log(self, request: Request, principal: Principal) -> Response:
        """Return what an attempt has written to standard output and error."""
        job = await self._jobs.get(request.path_params["id"], principal)
        attempt = integer(request, "attempt", 0, least=0, most=_MOST_ATTEMPTS) or 0
        follow = bool(integer(request, "follow", 0, least=0, most=1))
        if attempt > job.attempt:
            raise NotFound("attempt", str(attempt), f"there are {job.attempt}")
        pieces = self._files.log(job, attempt, follow=follow)
        return StreamedBody(
            _while_connected(request, pieces), media_type="text/plain; charset=utf-8"
        )


async def _while_connected(
    request: Request, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if piece:
            yield piece
        elif await request.is_disconnected():
            return
