"""`/api/v1/runs/{which}/documents`: the originals of a run, as they came."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.intake import as_document
from quire.actions.lookup import By, Order
from quire.actions.replay import Plan, Replay
from quire.documents.document import Document
from quire.documents.msgpack import array_header, encode_pair
from quire.documents.names import DocumentName
from quire.documents.reading import read_items
from quire.errors import InputError
from quire.ports.document_records import StoredDocument
from quire.web.body import choice
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.negotiation import answer_form
from quire.web.streaming import StreamedBody


class Original(StrEnum):
    """Whether what was upgraded is given as it was sent."""

    YES = "true"
    NO = "false"


_JSON = "application/json"
Form = Literal["ndjson", "json", "msgpack"]
_FORMS = {
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/json": "json",
    "application/msgpack": "msgpack",
    "application/x-msgpack": "msgpack",
    "application/vnd.msgpack": "msgpack",
}
_SENT_AS = {
    "ndjson": "application/x-ndjson",
    "json": "application/json",
    "msgpack": "application/x-msgpack",
}
_GET = Operation(
    query={
        "format": Parameter(says="Form of the answer; else by Accept.", type=Form),
        "order": Parameter(
            says="References before what refers, or as it came.", type=Order
        ),
        "original": Parameter(
            says="Whether to give what was sent in place of what it was upgraded to.",
            type=Original,
        ),
        "name": Parameter(
            says="Only documents of this name; may be repeated.", type=DocumentName
        ),
        "by": Parameter(says="What the run is named by; else whatever fits.", type=By),
    },
    answers={200: list[tuple[DocumentName, dict[str, Any]]]},
    answer_types=tuple(_SENT_AS.values()),
)
Pair = Callable[[StoredDocument], bytes]


class RunDocumentRoutes:
    """A run's documents out."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        path = "/api/v1/runs/{which}/documents"
        needs = Scope.RUNS_READ
        handler = self.documents
        return (
            gate.route(path, handler, needs=needs, methods=["GET"], describes=_GET),
        )

    async def documents(self, request: Request, principal: Principal) -> Response:
        """Return a run's documents in their own bytes, or as MessagePack."""
        form = answer_form(request, _FORMS)
        original = choice(request, "original", Original) is Original.YES
        plan = await self._replay.plan(
            request.path_params["which"],
            principal,
            by=choice(request, "by", By),
            order=choice(request, "order", Order) or Order.REPLAY,
            names=_names(request),
            originals=original,
        )
        pages = self._replay.pages(plan)
        pair = _sent if original else _pair
        written = _written(plan, pages, form, pair)
        return StreamedBody(written, media_type=_SENT_AS[form])


def _names(request: Request) -> frozenset[DocumentName]:
    given = request.query_params.getlist("name")
    try:
        return frozenset(map(DocumentName, given)) or frozenset(DocumentName)
    except ValueError:
        known = ", ".join(DocumentName)
        raise InputError("name", "is no document's name", f"one of {known}") from None


async def _written(
    plan: Plan, pages: AsyncIterator[list[StoredDocument]], form: str, pair: Pair
) -> AsyncIterator[bytes]:
    match form:
        case "json":
            before = b"["
            async for page in pages:
                yield before + b",\n".join(map(pair, page))
                before = b",\n"
            yield b"]" if len(plan) else b"[]"
        case "msgpack":
            yield array_header(len(plan))
            async for page in pages:
                yield await asyncio.to_thread(_packed, page, pair)
        case _:
            async for page in pages:
                yield b"".join(pair(one) + b"\n" for one in page)


def _pair(stored: StoredDocument) -> bytes:
    # A line break can only stand between JSON's tokens, where a space does.
    raw = stored.raw.replace(b"\n", b" ").replace(b"\r", b" ")
    return b'["%b",%b]' % (stored.name.value.encode(), raw)


def _sent(stored: StoredDocument) -> bytes:
    if not stored.original:
        return _pair(stored)
    return stored.original.replace(b"\n", b" ").replace(b"\r", b" ")


def _packed(page: Sequence[StoredDocument], pair: Pair) -> bytes:
    if pair is _pair:
        return b"".join(encode_pair(as_document(stored)) for stored in page)
    items = (item for one in page for item in read_items(pair(one), media_type=_JSON))
    return b"".join(encode_pair(item) for item in items if isinstance(item, Document))
