"""`/api/v1/runs/{which}/streams/{name}/arrays/{key}`: data that lies in files."""

import asyncio
import io
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.arrays import Arrays, OpenArray
from quire.actions.lookup import By
from quire.errors import InputError
from quire.faces.catalog.streaming import begun
from quire.runs.arrow import MEDIA_TYPE, ipc_stream
from quire.web.body import choice
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.vectored import Pieces, VectoredBody

RAW = "application/octet-stream"
NPY = "application/x-npy"
_JSON = "application/json"
_FORMATS: Mapping[str, str] = {
    "raw": RAW,
    "npy": NPY,
    "arrow": MEDIA_TYPE,
    "json": _JSON,
    "sources": _JSON,
}
_PART = {
    "slice": Parameter(says="Rows along the first axis, such as 10:20"),
    "format": Parameter(
        says="raw, npy, arrow, json, or sources (HDF5 datasets of all rows); raw"
    ),
    "seq_nums": Parameter(
        says="Those of the first and last wanted row, such as 11:20; if others, 409"
    ),
    "by": Parameter(says="How the run is named, where both could be meant", type=By),
}
_ENDS = re.compile(r"(-?\d{1,18}):(-?\d{1,18})")
_SLICE = re.compile(r"(-?\d{1,15})?(?::(-?\d{1,15})?)?(?::(-?\d{1,9})?)?")


class ArrayRoutes:
    """Arrays out."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        path = "/api/v1/runs/{which}/streams/{name:path}/arrays/{key:path}"
        return [
            gate.route(
                path,
                self.array,
                needs=Scope.RUNS_READ,
                methods=["GET"],
                describes=Operation(query=_PART, answer_types=tuple(_FORMATS.values())),
            )
        ]

    async def array(self, request: Request, principal: Principal) -> Response:
        """Return rows of one data key, or what they are or lie in as JSON."""
        given = request.query_params.get("format", "raw")
        if given not in _FORMATS:
            known = ", ".join(_FORMATS)
            raise InputError("format", f"{given[:40]!r} is unknown", f"one of {known}")
        params = request.path_params
        opened = await self._arrays.open(
            params["which"],
            params["name"],
            params["key"],
            principal,
            by=choice(request, "by", By),
            part=part(request.query_params.get("slice")),
            ends=_ends(request.query_params.get("seq_nums")),
        )
        if given == "json":
            opened.column.close()
            told = {**_told(opened), "seq_nums": opened.intervals()}
            return json_response({**told, **_missing(opened)})
        if given == "sources" and not opened.column.dtype.hasobject:
            return json_response({"sources": await asyncio.to_thread(opened.sources)})
        if given == "arrow":
            parts = await begun(_arrow(opened))
            return VectoredBody(parts, media_type=MEDIA_TYPE)
        if not opened.has_bytes:
            opened.column.close()
            fault = "rows differ in shape" if opened.column.ragged else "holds text"
            raise InputError("format", fault, "arrow")
        head = _npy_header(opened) if given == "npy" else b""
        headers = {
            "quire-dtype": _in_ascii(_told(opened)["dtype"]),
            "quire-shape": ",".join(map(str, opened.shape)),
        }
        return VectoredBody(
            await begun(_raw(head, opened)),
            media_type=_FORMATS[given],
            length=opened.size + len(head),
            headers=headers,
        )


def part(text: str | None) -> slice | None:
    """Return the rows that a text names as Python's slices do.

    ``3`` is the fourth row alone, ``-1`` the last, ``10:20``, ``::2``.

    Raises
    ------
    InputError
        It is no slice.
    """
    if text is None:
        return None
    found = _SLICE.fullmatch(text)
    wrong = InputError("slice", f"{text[:40]!r} is no slice", "such as 10:20")
    if found is None or not text:
        raise wrong
    begin, end, step = (None if one is None else int(one) for one in found.groups())
    if ":" not in text:
        return slice(begin, begin + 1 if begin is not None and begin != -1 else None)
    if step == 0:
        raise wrong
    return slice(begin, end, step)


def _ends(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _ENDS.fullmatch(text)
    if found is None:
        raise InputError("seq_nums", f"{text[:40]!r} is no pair", "such as 11:20")
    return int(found[1]), int(found[2])


def _raw(head: bytes, opened: OpenArray) -> Generator[Pieces, None, None]:
    with closing(opened.parts()) as parts:
        yield [memoryview(head + next(parts, b""))]
        for one in parts:
            yield [memoryview(one)]


def _arrow(opened: OpenArray) -> Generator[Pieces, None, None]:
    tables = opened.tables()
    first = next(tables)
    yield from ipc_stream(first.schema, chain((first,), tables))


def _told(opened: OpenArray) -> dict[str, Any]:
    from numpy.lib import format as npy

    dtype = opened.column.dtype
    told = "|O" if dtype.hasobject else npy.dtype_to_descr(dtype)
    return {"dtype": told, "shape": opened.shape}


def _in_ascii(descr: Any) -> str:
    """Return a type as a header can hold it; a Python literal where it has fields."""
    return str(descr).encode("ascii", "backslashreplace").decode()


def _missing(opened: OpenArray) -> dict[str, Any]:
    """Return how many rows of the column no file has, and why, if there are any."""
    why, rows = opened.column.lacking, len(opened.column.missing)
    return {} if why is None else {"missing": {"rows": rows, "reason": str(why)}}


def _npy_header(opened: OpenArray) -> bytes:
    from numpy.lib import format as npy

    out = io.BytesIO()
    told = {
        "descr": npy.dtype_to_descr(opened.column.dtype),
        "fortran_order": False,
        "shape": opened.shape,
    }
    try:
        npy.write_array_header_1_0(out, told)
    except UnicodeEncodeError:
        opened.column.close()
        fault = "its fields have names beyond Latin-1"
        raise InputError("format", fault, "raw") from None
    return out.getvalue()
