"""`/api/v1/runs` searched: pages, counts, values, facets, exports."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.search import Cursor, Question, Search
from quire.errors import InputError
from quire.faces.catalog.taking import taking
from quire.faces.catalog.wire import are_long, full, summary
from quire.ports.run_finder import RunOrder
from quire.runs.export_table import ColumnFile
from quire.runs.exporting import FIELDS, csv_lines, json_lines
from quire.runs.query.fields import Field
from quire.web.body import choice, integer, read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate, Handler
from quire.web.json import json_response
from quire.web.paging import from_cursor, to_cursor

# A comma between backticks is of the name.
_NAME = re.compile(r"(?:`[^`]*`|[^,])+")
_PAGE = 50
_LARGEST_PAGE = 1000
_VALUES = 100
_MOST_VALUES = 1000
_BODY = 64 * 1024
_FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
_SEARCH = {
    "q": Parameter(says="Which runs, in the query language; all without it."),
    "box": Parameter(says="Whether `q` was typed into a search box.", type=bool),
}
_ORDER = {"order": Parameter(says="Else the newest first.", type=RunOrder)}
_LIMIT = {"limit": Parameter(says="How many at most.", type=int)}
_PAGED = {
    **_SEARCH,
    **_ORDER,
    **_LIMIT,
    "cursor": Parameter(says="`next` of the page before."),
    "full": Parameter(says="With start and stop documents.", type=bool),
    "counts": Parameter(says="With how many match, and lack a value.", type=bool),
}
_DISTINCT = {**_SEARCH, **_LIMIT, "field": Parameter(says="Whose values are wanted.")}
_EXPORT = {
    **_SEARCH,
    **_ORDER,
    "fields": Parameter(says="The columns, with commas between them."),
    "format": Parameter(
        says="Of the file; else csv.", type=Literal["csv", "jsonl", "arrow", "parquet"]
    ),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search as JSON asks for it.

    Attributes
    ----------
    q
        In the query language.
    tree
        The same as a tree; joined with `q` by ``and``.
    full
        With start and stop documents.
    exact
        These as they came, which may be more than standard JSON has.
    box
        Whether `q` was typed into a search box, which reads ``4371``, ``3000-5000``,
        ``e26:100-200`` and the beginnings of uids too.
    counts
        With how many runs match, and how many were left out for lack of a value.
    """

    q: str = ""
    tree: Any = None
    order: RunOrder = RunOrder.NEWEST
    limit: int = _PAGE
    cursor: str | None = None
    full: bool = False
    exact: bool = False
    counts: bool = False
    box: bool = False


class Narrowed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which runs, as text and as a tree."""

    q: str = ""
    tree: Any = None


class DistinctAsked(Narrowed, frozen=True, kw_only=True):
    """Of which field the values are wanted."""

    field: str
    limit: int = _VALUES


class SearchRoutes:
    """Runs found."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        root = "/api/v1/runs"
        gets: dict[str, tuple[Handler, Mapping[str, Parameter]]] = {
            root: (self.page, _PAGED),
            f"{root}/facets": (self.facets, {}),
            f"{root}/distinct": (self.distinct, _DISTINCT),
            f"{root}/explain": (self.explain, {**_SEARCH, **_ORDER}),
            f"{root}/export": (self.export, _EXPORT),
            f"{root}/fields": (self.fields, {}),
        }
        posts = {
            f"{root}/search": self.posted,
            f"{root}/count": self.count,
            f"{root}/parse": self.parse,
            f"{root}/distinct": self.distinct_posted,
        }
        return [
            *(
                gate.route(
                    path,
                    taking(handler, *query),
                    needs=Scope.RUNS_READ,
                    methods=["GET"],
                    describes=Operation(query=query),
                )
                for path, (handler, query) in gets.items()
            ),
            *(
                gate.route(path, handler, needs=Scope.RUNS_READ, methods=["POST"])
                for path, handler in posts.items()
            ),
        ]

    async def page(self, request: Request, principal: Principal) -> Response:
        """Return a page of matching runs."""
        given = request.query_params
        asked = Asked(
            q=given.get("q", ""),
            order=choice(request, "order", RunOrder) or RunOrder.NEWEST,
            limit=integer(request, "limit", _PAGE, least=1, most=_LARGEST_PAGE)
            or _PAGE,
            cursor=given.get("cursor"),
            full=_flag(request, "full"),
            counts=_flag(request, "counts"),
            box=_flag(request, "box"),
        )
        return await self._answer(asked, principal)

    async def posted(self, request: Request, principal: Principal) -> Response:
        """Return a page of matching runs; asked for by a body."""
        asked = await read_json(request, Asked, _BODY)
        if not 1 <= asked.limit <= _LARGEST_PAGE:
            raise InputError("/limit", f"is {asked.limit}", f"1 to {_LARGEST_PAGE}")
        return await self._answer(asked, principal)

    async def count(self, request: Request, principal: Principal) -> Response:
        """Return how many runs match, however many."""
        asked = await read_json(request, Narrowed, _BODY)
        question = Question(text=asked.q, tree=asked.tree)
        return json_response({"runs": await self._search.total(question, principal)})

    async def parse(self, request: Request, principal: Principal) -> Response:
        """Return a query's text in its JSON form."""
        asked = await read_json(request, Narrowed, _BODY)
        return json_response({"tree": await self._search.parsed(asked.q, principal)})

    async def distinct_posted(self, request: Request, principal: Principal) -> Response:
        """Return the values of one field among matching runs."""
        asked = await read_json(request, DistinctAsked, _BODY)
        values = await self._search.distinct(
            Question(text=asked.q, tree=asked.tree),
            asked.field,
            principal,
            limit=max(1, min(asked.limit, _MOST_VALUES)),
        )
        return json_response({"field": asked.field, "values": values})

    async def facets(self, _: Request, principal: Principal) -> Response:
        """Return how many runs have each value of the counted fields."""
        found = await self._search.facets(principal)
        return json_response({"facets": found})

    async def distinct(self, request: Request, principal: Principal) -> Response:
        """Return the values of one field among matching runs."""
        field = request.query_params.get("field", "").strip()
        if not field:
            raise InputError("field", "is missing", "such as field=plan_name")
        limit = integer(request, "limit", _VALUES, least=1, most=_MOST_VALUES)
        values = await self._search.distinct(
            _question(request), field, principal, limit=limit or _VALUES
        )
        return json_response({"field": field, "values": values})

    async def explain(self, request: Request, principal: Principal) -> Response:
        """Return how a query would be answered."""
        order = choice(request, "order", RunOrder) or RunOrder.NEWEST
        lines = await self._search.explain(_question(request), principal, order)
        return json_response({"plan": lines})

    async def fields(self, _: Request, __: Principal) -> Response:
        """Return the declared fields: type, unit, description, values."""
        return json_response({"fields": list(self._search.fields)})

    async def export(self, request: Request, principal: Principal) -> Response:
        """Return all matching runs as a file, streamed."""
        wanted = request.query_params.get("format", "csv")
        if wanted not in _FORMATS:
            known = ", ".join(_FORMATS)
            raise InputError("format", f"{wanted[:40]!r} is unknown", f"one of {known}")
        chosen = request.query_params.get("fields")
        names = _names(chosen) if chosen else FIELDS
        if len(set(names)) != len(names):
            raise InputError("fields", "names a field twice", "name each once")
        columns = dict(zip(names, self._search.named(names), strict=True))
        order = choice(request, "order", RunOrder) or RunOrder.NEWEST
        blocks = await self._search.export(
            _question(request), names, principal, order=order
        )
        return StreamingResponse(
            _rendered(blocks, columns, wanted),
            media_type=_FORMATS[wanted],
            headers={"content-disposition": f'attachment; filename="runs.{wanted}"'},
        )

    async def _answer(self, asked: Asked, principal: Principal) -> Response:
        question = Question(text=asked.q, box=asked.box, tree=asked.tree)
        found = await self._search.page(
            question,
            principal,
            order=asked.order,
            behind=from_cursor(asked.cursor, Cursor),
            limit=asked.limit,
        )
        shown = partial(full, exact=asked.exact) if asked.full else summary
        if asked.full and are_long(found.runs):
            runs = await asyncio.to_thread(lambda: list(map(shown, found.runs)))
        else:
            runs = list(map(shown, found.runs))
        following = found.following
        body: dict[str, Any] = {
            "runs": runs,
            "next": None if following is None else to_cursor(following),
        }
        if asked.counts:
            body["counts"] = await self._search.count(question, principal)
        return json_response(body)


def _question(request: Request) -> Question:
    return Question(text=request.query_params.get("q", ""), box=_flag(request, "box"))


def _names(listed: str) -> tuple[str, ...]:
    found = (each.strip() for each in _NAME.findall(listed))
    names = tuple(name for name in found if name)
    if not names:
        raise InputError("fields", "names none", "such as fields=uid,sample.name")
    return names


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false").lower()
    if text not in ("true", "false", "1", "0", ""):
        raise InputError(name, f"{text[:40]!r} is neither", "true or false")
    return text in ("true", "1")


async def _rendered(
    blocks: AsyncIterator[list[list[Any]]], columns: Mapping[str, Field], wanted: str
) -> AsyncIterator[bytes]:
    names = list(columns)
    if wanted in ("arrow", "parquet"):
        file = await asyncio.to_thread(ColumnFile, columns, parquet=wanted == "parquet")
        async for rows in blocks:
            yield await asyncio.to_thread(file.add, rows)
        for last in file.end():
            yield last
        return
    if wanted == "csv":
        yield csv_lines([names]).encode()
    render = csv_lines if wanted == "csv" else partial(json_lines, names)
    async for rows in blocks:
        text = await asyncio.to_thread(render, rows)
        yield text.encode()
