"""Who may use a route: each declares it, and the gate keeps it."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from quire.access.principals import Principal, Scope, require
from quire.access.tokens import TokenUse
from quire.actions.tokens import Tokens
from quire.errors import Forbidden, QuireError, Unauthenticated
from quire.web.description import Operation, summarised
from quire.web.segments import restored

SESSION_COOKIE = "quire_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[[Request, Principal], Awaitable[Response]]
Refuse = Callable[[QuireError], Response]
OpenHandler = Callable[[Request], Awaitable[Response]]


class Anyone(Enum):
    """The need of a route that everybody may use."""

    ANYONE = "anyone"


class DeclaredRoute(Route):
    """A route that says who may use it, and what it takes and gives."""

    KEY = "quire.route"
    """Under which the route stands in the scope of a request that it answers."""

    needs: Scope | Anyone
    operation: Operation

    async def handle(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Answer a request, and say which route it was."""
        scope[self.KEY] = self
        scope["path_params"] = restored(scope["path_params"])
        await super().handle(scope, receive, send)


class Gate:
    """Makes routes that admit only whom they declare."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def route(
        self,
        path: str,
        handler: Handler,
        *,
        needs: Scope,
        methods: Sequence[str],
        refuse: Refuse | None = None,
        describes: Operation | None = None,
    ) -> DeclaredRoute:
        """Return a route for holders of a scope.

        Parameters
        ----------
        refuse
            How the face's protocol tells an error; problem details by default.
        describes
            What it takes and gives; its summary is the handler's if it has none.
        """

        async def guarded(request: Request) -> Response:
            try:
                principal = await self.admit(request)
                require(principal, needs)
                return await handler(request, principal)
            except QuireError as error:
                if refuse is None:
                    raise
                return refuse(error)

        operation = summarised(describes, handler.__doc__)
        return _declared(path, guarded, needs, methods, operation)

    def open_route(
        self,
        path: str,
        handler: OpenHandler,
        *,
        methods: Sequence[str],
        describes: Operation | None = None,
    ) -> DeclaredRoute:
        """Return a route for anyone."""
        operation = summarised(describes, handler.__doc__)
        return _declared(path, handler, Anyone.ANYONE, methods, operation)

    async def admit(self, request: Request) -> Principal:
        """Return who asks: by bearer token, by Basic password, or by session.

        Raises
        ------
        Unauthenticated
            No token, or one that is not good.
        Forbidden
            A session that another site makes use of.
        """
        given = request.headers.getlist("authorization")
        if len(given) > 1:
            raise Unauthenticated("more than one Authorization header")
        if given:
            return await self._tokens.admit(_secret(given[0]), TokenUse.API)
        session = request.cookies.get(SESSION_COOKIE)
        if not session:
            raise Unauthenticated(
                "no token: send 'Authorization: Bearer <token>', or open a login "
                "link made by 'quire token login'"
            )
        principal = await self._tokens.admit(session, TokenUse.SESSION)
        if request.method not in _SAFE:
            _check_same_origin(request, principal)
        return principal


def _declared(
    path: str,
    endpoint: OpenHandler,
    needs: Scope | Anyone,
    methods: Sequence[str],
    operation: Operation,
) -> DeclaredRoute:
    route = DeclaredRoute(path, endpoint, methods=list(methods))
    route.needs, route.operation = needs, operation
    return route


def _secret(header: str) -> str:
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                pair = base64.b64decode(value.strip(), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise Unauthenticated("the Basic credentials are garbled") from None
            return pair.partition(":")[2]
        case _:
            raise Unauthenticated("Authorization takes Bearer or Basic")


def _check_same_origin(request: Request, principal: Principal) -> None:
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site in {"same-origin", "none"} or (site is None and origin == own):
        return
    raise Forbidden(principal.name, "a request from Quire's own pages")
