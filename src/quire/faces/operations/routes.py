"""`/api/v1/operations`: how anything long-running stands, as JSON and as events."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.broadcast import Broadcasts
from quire.actions.follow import Follow
from quire.actions.many_operations import TOPICS, ManyOperations, Wanted
from quire.errors import InputError, TooLarge
from quire.faces.operations.wire import encode_news
from quire.progress.places import from_text
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.open_streams import OpenStreams

MOST_OPERATIONS = 500
_STREAM = ("text/event-stream",)
_SEEN = "The id of the last event heard; the header of that name goes first."
_EVENTS = Operation(
    query={"last_event_id": Parameter(says=_SEEN, type=int)},
    answers={200: str, 204: None},
    answer_types=_STREAM,
)
_MANY = Operation(
    query={
        "id": Parameter(says="Of an operation", many=True),
        "topic": Parameter(
            says="Be told when any of these changes: jobs, runs", many=True
        ),
        "replay": Parameter(
            says="Begin with an operation's newest entry, not its act; false", type=bool
        ),
        "last_event_id": Parameter(says=_SEEN),
    },
    answers={200: str, 204: None},
    answer_types=_STREAM,
)


class OperationRoutes:
    """Progress out."""

    def __init__(
        self,
        follow: Follow,
        broadcasts: Broadcasts,
        many: ManyOperations,
        streams: OpenStreams,
    ) -> None:
        self._follow = follow
        self._broadcasts = broadcasts
        self._many = many
        self._streams = streams

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one = "/api/v1/operations/{id}"
        handlers = [
            (one, self.get, None),
            (f"{one}/events", self.events, _EVENTS),
            ("/api/v1/streams/operations", self.many, _MANY),
        ]
        return [
            gate.route(
                path, handler, needs=Scope.RUNS_READ, methods=["GET"], describes=told
            )
            for path, handler, told in handlers
        ]

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return how an operation stands."""
        name = request.path_params["id"]
        return json_response(await self._follow.operation(name, principal))

    async def events(self, request: Request, principal: Principal) -> Response:
        """Stream an operation's log; 204 when the listener has had all of it."""
        name, seen = request.path_params["id"], _last_event_id(request)
        number = int(seen) if seen.isdecimal() and len(seen) < 19 else None  # noqa: PLR2004
        after = await self._follow.begin(name, principal, number)
        if after is None:
            return Response(status_code=204)
        return self._streams.respond(principal, self._broadcasts.listen(name, after))

    async def many(self, request: Request, principal: Principal) -> Response:
        """Stream many operations' logs by one; 204 when all were heard to their end."""
        names = tuple(dict.fromkeys(request.query_params.getlist("id")))
        topics = tuple(dict.fromkeys(request.query_params.getlist("topic")))
        if len(names) > MOST_OPERATIONS:
            raise TooLarge("id", MOST_OPERATIONS, "operations")
        if not names and not topics:
            raise InputError("id", "is missing", "the id of an operation, or a topic")
        if not set(topics) <= set(TOPICS):
            raise InputError("topic", "is unknown", f"of {', '.join(TOPICS)}")
        wanted = Wanted(
            operations=names,
            topics=topics,
            seen=from_text(_last_event_id(request), names),
            replay=request.query_params.get("replay") != "false",
        )
        news = await self._many.begin(wanted, principal)
        if news is None:
            return Response(status_code=204)
        return self._streams.respond(principal, news, encode=encode_news)


def _last_event_id(request: Request) -> str:
    header = request.headers.get("last-event-id")
    return header or request.query_params.get("last_event_id", "")
