"""`/documents/{path}` as databroker's server takes and gives it (``databroker/server.py``).

A document a request in, ``{"name", "doc"}``; a run out, as a sequence of such objects,
a line each (`application/json-seq`) or one MessagePack map behind another.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest
from quire.actions.intake import as_document
from quire.actions.refusals import Refusal
from quire.actions.replay import Replay
from quire.documents.msgpack import encode
from quire.errors import InputError
from quire.ports.document_records import StoredDocument
from quire.web.body import read_body
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.metrics import Metrics
from quire.web.negotiation import answer_form, body_type
from quire.web.streaming import StreamedBody

_JSON = "application/json"
_FORMS = {
    "application/json-seq": "json-seq",
    "application/x-msgpack": "msgpack",
    "application/msgpack": "msgpack",
    _JSON: "json-seq",
}
_SENT_AS = {"json-seq": "application/json-seq", "msgpack": "application/x-msgpack"}
_FORMAT = Parameter(
    says="Form of the answer; else by Accept.", type=Literal["json-seq", "msgpack"]
)
_FILL = Parameter(says="Whether to put the data of assets in; only false.", type=bool)


class NamedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document with its name."""

    name: str
    doc: dict[str, Any]


class Refused(InputError):
    """A document that was not stored; databroker answers 400, with a `detail`."""

    code = "refused_document"

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.field or "body", refusal.reason)


class Clashing(Refused):
    """A document of which other content is stored."""

    code = "conflict"


class DatabrokerRoutes:
    """Documents in and out in databroker's way."""

    def __init__(
        self, ingest: Ingest, replay: Replay, metrics: Metrics, *, body_limit: int
    ) -> None:
        self._ingest = ingest
        self._metrics = metrics
        self._replay = replay
        self._body_limit = body_limit

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face; the run is the last part of the path."""
        path = "/documents/{path:path}"
        sends = Operation(body=NamedDocument, answers={200: None})
        gives = Operation(
            query={"fill": _FILL, "format": _FORMAT},
            answers={200: NamedDocument},
            answer_types=tuple(_SENT_AS.values()),
        )
        ingest, read = Scope.RUNS_INGEST, Scope.RUNS_READ
        return (
            gate.route(
                path, self.post, needs=ingest, methods=["POST"], describes=sends
            ),
            gate.route(
                "/documents", self.post, needs=ingest, methods=["POST"], describes=sends
            ),
            gate.route(path, self.get, needs=read, methods=["GET"], describes=gives),
        )

    async def post(self, request: Request, principal: Principal) -> Response:
        """Store one document."""
        body_type(request, [_JSON], default=_JSON)
        body = await read_body(request, self._body_limit)
        if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            raise InputError("body", "is no object", 'send {"name": ..., "doc": ...}')
        receipt = await self._ingest(body, _JSON, principal)
        self._metrics.took(
            accepted=receipt.accepted,
            repeated=receipt.repeated,
            refused=len(receipt.refused),
        )
        for refusal in receipt.refused:
            raise Clashing(refusal) if receipt.conflicts else Refused(refusal)
        return json_response(None)

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return a run's documents."""
        form = answer_form(request, _FORMS)
        if request.query_params.get("fill", "false").lower() not in {"false", "0"}:
            raise InputError(
                "fill", "assets are not put into documents", "read the run's streams"
            )
        which = request.path_params["path"].rpartition("/")[2]
        plan = await self._replay.plan(which, principal)
        pages = self._replay.pages(plan)
        return StreamedBody(_written(pages, form), media_type=_SENT_AS[form])


async def _written(
    pages: AsyncIterator[list[StoredDocument]], form: str
) -> AsyncIterator[bytes]:
    async for page in pages:
        if form == "msgpack":
            yield await asyncio.to_thread(_packed, page)
        else:
            yield b"".join(map(_line, page))


def _line(stored: StoredDocument) -> bytes:
    raw = stored.raw.replace(b"\n", b" ").replace(b"\r", b" ")
    return b'{"name":"%b","doc":%b}\n' % (stored.name.value.encode(), raw)


def _packed(page: Sequence[StoredDocument]) -> bytes:
    return b"".join(
        encode({"name": one.name.value, "doc": one.body})
        for one in map(as_document, page)
    )
