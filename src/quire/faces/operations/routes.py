"""`/api/v1/operations`: how anything long-running stands, as JSON and as events."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.follow import Follow
from quire.web.description import Operation, Parameter
from quire.web.event_stream import KEEPALIVE_SECONDS, EventStream
from quire.web.gate import Gate
from quire.web.json import json_response

_EVENTS = Operation(
    query={
        "last_event_id": Parameter(
            says="Number of the last event heard; the header of that name goes first.",
            type=int,
        )
    },
    answers={200: str, 204: None},
    answer_types=("text/event-stream",),
)


class OperationRoutes:
    """Progress out."""

    def __init__(self, follow: Follow, stopping: asyncio.Event) -> None:
        self._follow = follow
        self._stopping = stopping

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one = "/api/v1/operations/{id}"
        needs = Scope.RUNS_READ
        return (
            gate.route(one, self.get, needs=needs, methods=["GET"]),
            gate.route(
                f"{one}/events",
                self.events,
                needs=needs,
                methods=["GET"],
                describes=_EVENTS,
            ),
        )

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return how an operation stands."""
        name = request.path_params["id"]
        return json_response(await self._follow.operation(name, principal))

    async def events(self, request: Request, principal: Principal) -> Response:
        """Stream an operation's log; 204 when the listener has had all of it."""
        name = request.path_params["id"]
        after = await self._follow.begin(name, principal, _last_seen(request))
        if after is None:
            return Response(status_code=204)
        batches = self._follow.entries(name, after, silence=KEEPALIVE_SECONDS)
        return EventStream(batches, self._stopping)


def _last_seen(request: Request) -> int | None:
    text = request.headers.get("last-event-id") or request.query_params.get(
        "last_event_id", ""
    )
    return int(text) if text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004
