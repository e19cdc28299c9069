"""`/api/v1/labs`: labs for Quire's own clients."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope, require
from quire.actions.lab_notebooks import LabNotebooks
from quire.actions.labs import Labs
from quire.errors import NotFound
from quire.labs.lab import Lab
from quire.web.body import read_json
from quire.web.description import Operation
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.own_address import own_address

_PATH = "/api/v1/labs"
_BODY = 64 * 1024


class LabRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lab that is wanted.

    Attributes
    ----------
    size
        What it may use; empty for the usual size.
    run
        A run for which it is to have a notebook; empty for none.
    """

    size: str = ""
    run: str = ""


class LabRoutes:
    """One's own lab, and everybody's for administrators."""

    def __init__(self, labs: Labs, notebooks: LabNotebooks) -> None:
        self._labs = labs
        self._notebooks = notebooks

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one, run = f"{_PATH}/{{user}}", Scope.LABS_RUN
        made = Operation(body=LabRequest, answers={201: dict})
        gone = Operation(answers={204: None})
        return (
            gate.route(_PATH, self.all, needs=Scope.LABS_ADMIN, methods=["GET"]),
            gate.route(_PATH, self.create, needs=run, methods=["POST"], describes=made),
            gate.route(one, self.get, needs=run, methods=["GET"]),
            gate.route(one, self.delete, needs=run, methods=["DELETE"], describes=gone),
        )

    async def all(self, _: Request, __: Principal) -> Response:
        """List all labs."""
        return json_response(
            {"labs": [_shown(lab) for lab in await self._labs.listed()]}
        )

    async def create(self, request: Request, principal: Principal) -> Response:
        """Begin to start one's lab; its operation tells how that goes on."""
        wanted = await read_json(request, LabRequest, _BODY)
        lab = await self._notebooks.open(
            principal, server=own_address(request), run=wanted.run, size=wanted.size
        )
        return json_response(_shown(lab), 201)

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return a lab; to its user with an address that lets them in."""
        user = self._user(request, principal)
        shown = _shown(await self._labs.get(user))
        if user == principal.name:
            shown["login"] = await self._labs.login(user) or None
        return json_response(shown)

    async def delete(self, request: Request, principal: Principal) -> Response:
        """Delete a lab; answers once nothing is left of it."""
        await self._labs.delete(self._user(request, principal))
        return Response(status_code=204)

    def _user(self, request: Request, principal: Principal) -> str:
        """Return whose lab is meant, ``-`` for one's own."""
        user: str = request.path_params["user"]
        if user in ("-", principal.name):
            return principal.name
        require(principal, Scope.LABS_ADMIN)
        if not user:
            raise NotFound("lab", user)
        return user


def _shown(lab: Lab) -> dict[str, Any]:
    return {
        "id": lab.id,
        "user": lab.user,
        "status": lab.status,
        "doing": lab.act,
        "image": lab.options.image,
        "size": lab.options.size,
        "account": lab.account.name,
        "url": lab.url or None,
        "opens": lab.opens or None,
        "created": lab.created,
        "changed": lab.changed,
    }
