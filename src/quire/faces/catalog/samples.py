"""`/api/v1/runs/{which}/samples`: a stream as it grows, for live plots."""

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.samples import Sampled, SampleStreams, View
from quire.faces.catalog.streams import columns
from quire.web.body import integer
from quire.web.description import Operation, Parameter
from quire.web.event_stream import KEEPALIVE, RETRY
from quire.web.gate import Gate
from quire.web.open_streams import OpenStreams

_OVER = "over"
_WIDTH = 800
_SAMPLES = Operation(
    query={
        "stream": Parameter(says="Its name; primary if left out"),
        "columns": Parameter(says="Data keys between commas, or as JSON", many=True),
        "width": Parameter(says="Of the plot in pixels, 16 to 4096", type=int),
    },
    answers={200: str, 204: None},
    answer_types=("text/event-stream",),
)


class SampleRoutes:
    """Numbers out, as they come."""

    def __init__(self, samples: SampleStreams, streams: OpenStreams) -> None:
        self._samples = samples
        self._streams = streams

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        return [
            gate.route(
                "/api/v1/runs/{which}/samples",
                self.samples,
                needs=Scope.RUNS_READ,
                methods=["GET"],
                describes=_SAMPLES,
            )
        ]

    async def samples(self, request: Request, principal: Principal) -> Response:
        """Stream the numbers of a run's stream, decimated; 204 once that is over."""
        if request.headers.get("last-event-id") == _OVER:
            return Response(status_code=204)
        view = View(
            stream=request.query_params.get("stream", "primary"),
            columns=columns(request),
            width=integer(request, "width", _WIDTH, least=16, most=4096) or _WIDTH,
        )
        which = request.path_params["which"]
        sampled = await self._samples.follow(which, principal, view)
        return self._streams.respond(principal, sampled, encode=encode_samples)


def encode_samples(sampled: Sampled) -> bytes:
    """Return rows as an event: `picture`, `samples` behind it, at last `end`."""
    if sampled.status:
        over = f"id: {_OVER}\r\n".encode() + RETRY
        return over + _event("end", {"status": sampled.status})
    if not sampled.columns:
        return KEEPALIVE
    name = "picture" if sampled.anew else "samples"
    return _event(name, {"events": sampled.events, "columns": sampled.columns})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode()
