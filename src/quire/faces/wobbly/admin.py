"""`/wobbly/admin`: what operators look at, and nothing that they change."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.access.proxy import TrustedProxy
from quire.actions.outside_jobs import OutsideJobs
from quire.faces.wobbly.errors import refuse
from quire.faces.wobbly.requests import Search, job_number
from quire.faces.wobbly.routes import SEARCH, answer_list
from quire.faces.wobbly.wire import JobModel, shown
from quire.web.description import Operation
from quire.web.gate import Gate, Handler
from quire.web.json import json_response

_ROOT = "/wobbly/admin"
# Jobs of everybody without a limit: a page of them, with a link to the next.
_DEFAULT_LIMIT = 1000


class WobblyAdminRoutes:
    """Everybody's jobs, read only.

    Parameters
    ----------
    gate
        Admits operators alone.
    """

    def __init__(self, jobs: OutsideJobs, gate: Gate, proxy: TrustedProxy) -> None:
        self._jobs = jobs
        self._gate = gate
        self._proxy = proxy

    def routes(self, _: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        of_user = "services/{service}/users/{user}/jobs"
        page = Operation(query=SEARCH, answers={200: list[JobModel]})
        names = Operation(answers={200: list[str]})
        handlers: dict[str, tuple[Handler, Operation]] = {
            "jobs": (self.page, page),
            "users/{user}/jobs": (self.page, page),
            of_user: (self.page, page),
            f"{of_user}/{{job_id}}": (self.get, Operation(answers={200: JobModel})),
            "services": (self.services, names),
            "services/{service}/users": (self.users, names),
            "users": (self.users, names),
        }
        return [
            self._gate.route(
                f"{_ROOT}/{path}",
                handler,
                needs=Scope.ADMIN_ALL,
                methods=["GET"],
                refuse=refuse,
                describes=operation,
            )
            for path, (handler, operation) in handlers.items()
        ]

    async def page(self, request: Request, _: Principal) -> Response:
        """List jobs of everybody, of a user, or of a user and a service."""
        search = Search(request.query_params)
        if search.limit is None:
            search.limit = _DEFAULT_LIMIT
        query = msgspec.structs.replace(
            search.query,
            service=request.path_params.get("service"),
            owner=request.path_params.get("user"),
        )
        return await answer_list(self._jobs, request, search, query, self._proxy)

    async def get(self, request: Request, _: Principal) -> Response:
        """Return a job of a user and a service."""
        number = job_number(request.path_params["job_id"])
        places = request.path_params
        found = await self._jobs.get_any(number, places["service"], places["user"])
        return json_response(shown(found))

    async def services(self, _: Request, __: Principal) -> Response:
        """List the services that have jobs."""
        return json_response(await self._jobs.services())

    async def users(self, request: Request, _: Principal) -> Response:
        """List the users who have jobs, of a service or of any."""
        service = request.path_params.get("service")
        return json_response(await self._jobs.users(service))
