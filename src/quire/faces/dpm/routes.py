"""`/dpm` and `/daq`: ESO's commands and topics, and the specification's schema."""

from collections.abc import Callable, Sequence

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.acquisition_topics import AcquisitionTopics
from quire.actions.acquisitions import Acquisitions
from quire.errors import NotFound, QuireError
from quire.faces.dpm.commands import DAQ, DPM, Command, Commands, subject_of
from quire.faces.dpm.errors import daq_exception
from quire.faces.dpm.topics import encode_spaces, encode_statuses
from quire.faces.dpm.wire import NoArguments
from quire.products.specification_schema import specification_schema
from quire.web.body import decode_json, read_body
from quire.web.description import Operation, Parameter
from quire.web.event_stream import KEEPALIVE_SECONDS
from quire.web.gate import DeclaredRoute, Gate, Handler
from quire.web.json import json_response
from quire.web.open_streams import OpenStreams

_SCHEMA = "/api/v1/schemas/data-product-specification"
_EVENTS = Operation(answers={200: str}, answer_types=("text/event-stream",))
_SEEN = "The id of the last event heard; the header of that name goes first."
_RESUMED = msgspec.structs.replace(
    _EVENTS, query={"last_event_id": Parameter(says=_SEEN, type=int)}
)


class DpmRoutes:
    """DPM's two interfaces.

    A command is found under the interface that ESO gives it, and under the other.

    Parameters
    ----------
    end
        Ends the whole server in a controlled manner; called once its reply is sent.
    streams
        Makes the topics.
    """

    def __init__(  # what it works with; all given by the root
        self,
        acquisitions: Acquisitions,
        topics: AcquisitionTopics,
        streams: OpenStreams,
        *,
        end: Callable[[], None],
        body_limit: int,
    ) -> None:
        self._commands = Commands(acquisitions, topics).table()
        self._topics = topics
        self._streams = streams
        self._end = end
        self._body_limit = body_limit

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        statuses, storage = f"{DAQ}/status", f"{DPM}/storage"
        return (
            gate.open_route(_SCHEMA, self.schema, methods=["GET"]),
            _topic(gate, statuses, self.statuses, _RESUMED),
            _topic(gate, storage, self.storage, _EVENTS),
            _command(gate, f"{DPM}/Exit", self.exit, needs=Scope.ADMIN_ALL),
            _command(gate, f"{DAQ}/Exit", self.exit, needs=Scope.ADMIN_ALL),
            *(
                _command(
                    gate,
                    f"{command.interface}/{name}",
                    self._doing(command),
                    describes=Operation(
                        summary=command.says,
                        body=command.takes,
                        answers={200: command.gives},
                    ),
                )
                for name, command in self._commands.items()
            ),
            _command(gate, f"{DPM}/{{command}}", self.command),
            _command(gate, f"{DAQ}/{{command}}", self.command),
        )

    async def command(self, request: Request, principal: Principal) -> Response:
        """Do a command under the other interface's path; others are unknown."""
        name = request.path_params["command"]
        if name not in self._commands:
            known = ", ".join((*self._commands, "Exit"))
            raise NotFound("command", name, f"there are {known}")
        return await self._doing(self._commands[name])(request, principal)

    async def exit(self, request: Request, _: Principal) -> Response:
        """Answer, then end the server in a controlled manner."""
        decode_json(await read_body(request, self._body_limit), NoArguments)
        response = json_response("OK")
        response.background = BackgroundTask(self._leave)
        return response

    async def statuses(self, request: Request, principal: Principal) -> Response:
        """Stream the active acquisitions as they stand, then every change."""
        news = self._topics.statuses(
            principal, _last_seen(request), silence=KEEPALIVE_SECONDS
        )
        return self._streams.respond(principal, news, encode=encode_statuses)

    async def storage(self, _: Request, principal: Principal) -> Response:
        """Stream how the disk stands, at intervals."""
        looks = self._topics.spaces()
        return self._streams.respond(principal, looks, encode=encode_spaces)

    async def schema(self, _: Request) -> Response:
        """Return the JSON Schema of a data product specification."""
        return json_response(specification_schema())

    async def _leave(self) -> None:
        self._end()

    def _doing(self, command: Command) -> Handler:
        async def handler(request: Request, principal: Principal) -> Response:
            body = b""
            try:
                body = await read_body(request, self._body_limit)
                given = decode_json(body, command.takes)
                return json_response(await command.answer(given, principal))
            except QuireError as error:
                return daq_exception(error, subject_of(body))

        return handler


def _topic(
    gate: Gate, path: str, handler: Handler, describes: Operation
) -> DeclaredRoute:
    return gate.route(
        path,
        handler,
        needs=Scope.JOBS_RUN,
        methods=["GET"],
        refuse=daq_exception,
        describes=describes,
    )


def _command(
    gate: Gate,
    path: str,
    handler: Handler,
    *,
    needs: Scope = Scope.JOBS_RUN,
    describes: Operation | None = None,
) -> DeclaredRoute:
    return gate.route(
        path,
        handler,
        needs=needs,
        methods=["POST"],
        refuse=daq_exception,
        describes=describes,
    )


def _last_seen(request: Request) -> int | None:
    text = request.headers.get("last-event-id") or request.query_params.get(
        "last_event_id", ""
    )
    return int(text) if text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004
