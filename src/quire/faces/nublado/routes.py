"""`/nublado/spawner/v1`: what Nublado's spawner asks of its controller."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.access.proxy import TrustedProxy
from quire.actions.broadcast import Broadcasts
from quire.actions.follow import Follow
from quire.actions.labs import Labs, Wanted
from quire.errors import Forbidden
from quire.faces.nublado.errors import refuse
from quire.faces.nublado.form import lab_form
from quire.faces.nublado.reading import read_specification
from quire.faces.nublado.wire import (
    LabSpecification,
    LabState,
    PrepullerStatus,
    SpawnerImages,
    discovery,
    images,
    shown,
)
from quire.web.body import read_json
from quire.web.description import Operation
from quire.web.gate import Gate, Handler
from quire.web.json import json_response
from quire.web.open_streams import OpenStreams
from quire.web.own_address import own_address
from quire.web.proxy import public_base, public_url

PREFIX = "/nublado"
_ROOT = f"{PREFIX}/spawner/v1"
_LAB = f"{_ROOT}/labs/{{username}}"
_BODY = 256 * 1024


class NubladoRoutes:
    """Labs, for JupyterHub.

    Parameters
    ----------
    users
        Admits those who ask for their own labs.
    """

    def __init__(
        self,
        labs: Labs,
        follow: Follow,
        broadcasts: Broadcasts,
        streams: OpenStreams,
        proxy: TrustedProxy,
        users: Gate,
    ) -> None:
        self._labs = labs
        self._follow = follow
        self._broadcasts = broadcasts
        self._streams = streams
        self._proxy = proxy
        self._users = users

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        state = Operation(answers={200: LabState})
        form = Operation(answers={200: str}, answer_types=("text/html",))
        events = Operation(
            answers={200: str, 204: None}, answer_types=("text/event-stream",)
        )
        names = Operation(answers={200: list[str]})
        offered = Operation(answers={200: SpawnerImages})
        prepulls = Operation(answers={200: PrepullerStatus})
        create = Operation(body=LabSpecification, answers={201: None})
        run, admin = Scope.LABS_RUN, Scope.LABS_ADMIN
        handlers: tuple[tuple[str, str, Handler, Scope, Operation], ...] = (
            (f"{_ROOT}/labs", "GET", self.running, admin, names),
            (_LAB, "GET", self.get, admin, state),
            (_LAB, "DELETE", self.delete, admin, Operation(answers={204: None})),
            (f"{_ROOT}/images", "GET", self.images, admin, offered),
            (f"{_ROOT}/prepulls", "GET", self.prepulls, admin, prepulls),
            (f"{_LAB}/create", "POST", self.create, run, create),
            (f"{_LAB}/events", "GET", self.events, run, events),
            (f"{_ROOT}/lab-form/{{username}}", "GET", self.form, run, form),
            (f"{_ROOT}/user-status", "GET", self.own, run, state),
        )
        return [
            gate.open_route("/discovery", self.discovery, methods=["GET"]),
            *(
                (self._users if needs is run else gate).route(
                    path,
                    handler,
                    needs=needs,
                    methods=[method],
                    refuse=refuse,
                    describes=operation,
                )
                for path, method, handler, needs, operation in handlers
            ),
        ]

    async def discovery(self, request: Request) -> Response:
        """Say where the controller of labs is."""
        base = public_base(request, self._proxy)
        return json_response(discovery(f"{base}{PREFIX}"))

    async def running(self, _: Request, __: Principal) -> Response:
        """List the users whose labs are running."""
        return json_response(await self._labs.running())

    async def images(self, _: Request, __: Principal) -> Response:
        """Return what labs may be made of."""
        return json_response(images(self._labs.image))

    async def prepulls(self, _: Request, __: Principal) -> Response:
        """Return what is copied to nodes beforehand."""
        return json_response(PrepullerStatus())

    async def get(self, request: Request, _: Principal) -> Response:
        """Return how a user's lab stands."""
        return await self._state(request.path_params["username"])

    async def own(self, _: Request, principal: Principal) -> Response:
        """Return how one's own lab stands."""
        return await self._state(principal.name)

    async def create(self, request: Request, principal: Principal) -> Response:
        """Begin to start one's lab."""
        user = _own(request, principal)
        self._labs.account(user)
        body = await read_json(request, object, _BODY)
        read = read_specification(body, self._labs.image)
        wanted = Wanted(
            options=read.options,
            prefix=read.prefix,
            env=read.env,
            server=own_address(request),
        )
        await self._labs.create(wanted, principal)
        place = str(public_url(request, self._proxy).replace(query=""))
        return json_response(None, 201, {"location": place.removesuffix("/create")})

    async def delete(self, request: Request, _: Principal) -> Response:
        """Delete a user's lab; answers once nothing is left of it."""
        await self._labs.delete(request.path_params["username"])
        return Response(status_code=204)

    async def events(self, request: Request, principal: Principal) -> Response:
        """Stream what is told of the newest operation on one's lab."""
        lab = await self._labs.get(_own(request, principal))
        seen = request.headers.get("last-event-id", "")
        number = int(seen) if seen.isdecimal() and len(seen) < 19 else None  # noqa: PLR2004
        after = await self._follow.begin(lab.id, principal, number)
        if after is None:
            return Response(status_code=204)
        pieces = self._broadcasts.listen(lab.id, after)
        return self._streams.respond(principal, pieces)

    async def form(self, request: Request, principal: Principal) -> Response:
        """Return the form by which a user chooses a lab."""
        self._labs.account(_own(request, principal))
        settings = self._labs.settings
        text = lab_form(self._labs.image, settings.offered())
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    async def _state(self, user: str) -> Response:
        lab = await self._labs.get(user)
        return json_response(shown(lab, self._labs.settings.quota))


def _own(request: Request, principal: Principal) -> str:
    """Return the user in the path, who must be the one that asks.

    Raises
    ------
    Forbidden
        It is another one.
    """
    user: str = request.path_params["username"]
    if user != principal.name:
        raise Forbidden(principal.name, f"the token of {user}")
    return user
