"""`/livez`, `/readyz`, `/api/v1/server`, tokens and login links."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope, require
from quire.access.tokens import Token, TokenUse
from quire.actions.health import Health
from quire.actions.tokens import LOGIN_SECONDS, Tokens
from quire.errors import Forbidden, InputError
from quire.web.body import read_json
from quire.web.gate import Gate
from quire.web.json import json_response

_SHOWN_OF_HASH = 12
_BODY = 64 * 1024


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is wanted.

    Attributes
    ----------
    groups
        Groups of the user: what they may see, this token may.
    lifetime
        Seconds, null for ever.
    service
        The service that asks in the user's name, empty for none.
    """

    user: str = ""
    scopes: tuple[str, ...] = ()
    groups: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=256)], ...] = ()
    lifetime: float | None = None
    service: Annotated[str, msgspec.Meta(max_length=256)] = ""


class ServerRoutes:
    """What a server says and gives out of itself.

    Parameters
    ----------
    public_url
        Where browsers see it, if not where it was asked.
    """

    def __init__(self, health: Health, tokens: Tokens, *, public_url: str = "") -> None:
        self._health = health
        self._tokens = tokens
        self._public_url = public_url.rstrip("/")

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        admin, read = Scope.ADMIN_TOKENS, Scope.RUNS_READ
        tokens, links = "/api/v1/tokens", "/api/v1/login-links"
        return (
            gate.open_route("/livez", self.livez, methods=["GET"]),
            gate.open_route("/readyz", self.readyz, methods=["GET"]),
            gate.open_route("/health", self.livez, methods=["GET"]),
            gate.route("/api/v1/server", self.about, needs=read, methods=["GET"]),
            gate.route(links, self.login_link, needs=read, methods=["POST"]),
            gate.route(tokens, self.list_tokens, needs=admin, methods=["GET"]),
            gate.route(tokens, self.create_token, needs=admin, methods=["POST"]),
            gate.route(
                f"{tokens}/{{id}}", self.revoke_token, needs=admin, methods=["DELETE"]
            ),
        )

    async def livez(self, _: Request) -> Response:
        """Say that the event loop turns."""
        return json_response({"status": "healthy"})

    async def readyz(self, _: Request) -> Response:
        """Say whether documents can be taken, and if not why."""
        reason = await self._health.trouble()
        if reason:
            return json_response({"status": "not ready", "reason": reason}, 503)
        return json_response({"status": "ready"})

    async def about(self, _: Request, __: Principal) -> Response:
        """Return what this server is."""
        return json_response(self._health.about)

    async def login_link(self, request: Request, principal: Principal) -> Response:
        """Make a link that opens the pages once, within five minutes."""
        issued = await self._tokens.issue(
            principal, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS
        )
        base = self._public_url or str(request.base_url).rstrip("/")
        url = f"{base}/login?code={issued.secret}"
        return json_response({"url": url, "seconds": LOGIN_SECONDS}, 201)

    async def list_tokens(self, _: Request, __: Principal) -> Response:
        """Return the tokens, without their secrets."""
        listed = await self._tokens.listed()
        return json_response({"tokens": list(map(_token_json, listed))})

    async def create_token(self, request: Request, principal: Principal) -> Response:
        """Make a token; its secret is in this answer and nowhere else."""
        wanted = await read_json(request, TokenRequest, _BODY)
        usual = frozenset({Scope.JOBS_RUN}) if wanted.service else principal.scopes
        scopes = frozenset(map(_scope, wanted.scopes)) or usual
        for scope in scopes:
            require(principal, scope)
        if wanted.lifetime is not None and not wanted.lifetime > 0:
            raise InputError("/lifetime", "must be more than 0 seconds")
        if not principal.is_admin and set(wanted.groups) - set(principal.groups):
            raise Forbidden(principal.name, "to be in these groups, or admin:all")
        holder = Principal(
            name=wanted.user or principal.name,
            groups=tuple(sorted(set(wanted.groups))),
            scopes=scopes,
            service=wanted.service,
        )
        issued = await self._tokens.issue(
            holder, use=TokenUse.API, lifetime=wanted.lifetime
        )
        body = {**_token_json(issued.token), "token": issued.secret}
        return json_response(body, 201)

    async def revoke_token(self, request: Request, _: Principal) -> Response:
        """Take a token back."""
        await self._tokens.revoke(request.path_params["id"])
        return Response(status_code=204)


def _scope(name: str) -> Scope:
    try:
        return Scope(name)
    except ValueError:
        mend = f"one of {', '.join(Scope)}"
        raise InputError("/scopes", f"{name[:40]!r} is none", mend) from None


def _token_json(token: Token) -> dict[str, Any]:
    return {
        "id": token.hash[:_SHOWN_OF_HASH],
        "name": token.name,
        "service": token.service or None,
        "groups": token.groups,
        "scopes": sorted(token.scopes),
        "created": token.created,
        "expires": token.expires,
    }
