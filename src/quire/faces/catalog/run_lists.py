"""`/api/v1/run-lists`: good-run lists, frozen and exported."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.run_lists import RunLists
from quire.errors import InputError
from quire.faces.catalog.taking import taking
from quire.runs.exporting import csv_lines
from quire.runs.run_list import RunList, golden, ranges, rows
from quire.web.body import integer, read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response

_BODY = 64 * 1024
_MOST = 2**31
_VERSION = Parameter(says="Else the newest.", type=int)
_GET = {
    "version": _VERSION,
    "format": Parameter(
        says="Else full.", type=Literal["full", "json", "ranges", "csv"]
    ),
    "experiment": Parameter(says="Only runs of this one.", type=int),
    "unit": Parameter(
        says="Of the parts in json; else event.", type=Literal["event", "time"]
    ),
}
_DIFFERENCE = {
    "version": _VERSION,
    "with": Parameter(says="The other list; else this one."),
    "with_version": Parameter(says="Of the other; else the newest.", type=int),
}


class ListAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list to freeze.

    Attributes
    ----------
    bad
        Flag values of parts of a run that do not count as good.
    group
        Whose members may add versions, too; None leaves it as it is.
    """

    q: str
    note: str = ""
    bad: tuple[str, ...] = ("bad", "BAD")
    group: str | None = None


class RunListRoutes:
    """Lists in and out."""

    def __init__(self, lists: RunLists) -> None:
        self._lists = lists

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every, one = "/api/v1/run-lists", "/api/v1/run-lists/{name}"
        read = Scope.RUNS_READ
        return [
            gate.route(every, taking(self.all), needs=read, methods=["GET"]),
            gate.route(one, self.freeze, needs=Scope.RUNS_ANNOTATE, methods=["POST"]),
            gate.route(
                one,
                taking(self.get, *_GET),
                needs=read,
                methods=["GET"],
                describes=Operation(query=_GET),
            ),
            gate.route(
                f"{one}/difference",
                taking(self.difference, *_DIFFERENCE),
                needs=read,
                methods=["GET"],
                describes=Operation(query=_DIFFERENCE),
            ),
        ]

    async def all(self, _: Request, principal: Principal) -> Response:
        """Return every version of every list."""
        found = await self._lists.all(principal)
        shown = [{**_head(one), "ready": ready} for one, ready in found]
        return json_response({"lists": shown})

    async def freeze(self, request: Request, principal: Principal) -> Response:
        """Freeze what a query finds now as the next version of a list."""
        asked = await read_json(request, ListAsked, _BODY)
        frozen = await self._lists.freeze(
            request.path_params["name"],
            asked.q,
            principal,
            bad=frozenset(asked.bad),
            note=asked.note,
            group=asked.group,
        )
        return json_response({**_head(frozen), "runs": len(frozen.members)}, 201)

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return a list: ``format`` is full, json (CMS), ranges or csv."""
        name, version = request.path_params["name"], _version(request, "version")
        frozen = await self._lists.get(name, version, principal)
        # There may be hundreds of thousands of members.
        return await asyncio.to_thread(_rendered, request, frozen)

    async def difference(self, request: Request, principal: Principal) -> Response:
        """Return in which runs this list and that of ``with`` differ."""
        other = request.query_params.get("with") or request.path_params["name"]
        found = await self._lists.difference(
            (request.path_params["name"], _version(request, "version")),
            (other, _version(request, "with_version")),
            principal,
        )
        return json_response(found)


def _rendered(request: Request, frozen: RunList) -> Response:
    experiment = integer(request, "experiment", None, least=-_MOST, most=_MOST)
    members = [
        one
        for one in frozen.members
        if experiment is None or one.experiment == experiment
    ]
    match request.query_params.get("format", "full"):
        case "json":
            return json_response(
                golden(members, unit=_unit(request), label=frozen.label)
            )
        case "ranges":
            return json_response(ranges(members, label=frozen.label))
        case "csv":
            text = csv_lines(rows(members))
            return Response(text, media_type="text/csv; charset=utf-8")
        case "full":
            return json_response({**_head(frozen), "members": members})
        case other:
            mend = "one of full, json, ranges, csv"
            raise InputError("format", f"{other[:40]!r} is unknown", mend)


def _head(frozen: RunList) -> dict[str, Any]:
    return {
        "name": frozen.name,
        "version": frozen.version,
        "label": frozen.label,
        "query": frozen.query,
        "author": frozen.author,
        "at": frozen.at,
        "data_version": frozen.data_version,
        "left_out": frozen.left_out,
        "note": frozen.note,
        "tree": frozen.tree,
        "bad": frozen.bad,
        "owner": frozen.kept_by,
        "group": frozen.group,
    }


def _version(request: Request, name: str) -> int | None:
    return integer(request, name, None, least=1, most=_MOST)


def _unit(request: Request) -> str:
    unit = request.query_params.get("unit", "event")
    if unit not in ("event", "time"):
        raise InputError("unit", f"{unit[:40]!r} is unknown", "event or time")
    return unit
