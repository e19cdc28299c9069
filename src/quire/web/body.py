"""Reading requests: bodies and parameters within their limits."""

import asyncio
from typing import Any, TypeVar

import jiter
import msgspec
from starlette.requests import Request

from quire.errors import InputError, TooLarge
from quire.web.compression import (
    ENCODINGS,
    IDENTITY,
    decompressed,
    known_encoding,
)
from quire.web.negotiation import UnsupportedBody, body_type
from quire.web.shape import check_depth, check_values

JSON = "application/json"
MOST_LEVELS = 64
_MOST_VALUES = 1_000_000
# Below this a thread costs more than it frees the event loop.
_WORTH_A_THREAD = 64 * 1024

T = TypeVar("T")


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body, decompressed.

    Raises
    ------
    TooLarge
        It is longer than `limit` bytes, by its header, in fact or once decompressed.
    UnsupportedBody
        It is encoded in a way that is not read.
    InputError
        It is not encoded as it says.
    TooSlow
        It does not come in time.
    """
    given = ", ".join(request.headers.getlist("content-encoding"))
    encoding = known_encoding(given)
    if encoding is None:
        raise UnsupportedBody("Content-Encoding", given, ENCODINGS)
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge("body", limit)
    body = await _received(request, limit)
    if encoding == IDENTITY:
        return body
    if len(body) <= _WORTH_A_THREAD // 16:
        return decompressed(body, encoding, limit)
    return await asyncio.to_thread(decompressed, body, encoding, limit)


async def read_json(request: Request, model: type[T], limit: int) -> T:
    """Return the body as a record.

    Raises
    ------
    UnsupportedBody
        It says that it is something else than JSON.
    InputError
        It is no JSON, or not such a record; names the field.
    """
    body_type(request, [JSON], default=JSON)
    body = await read_body(request, limit)
    if len(body) <= _WORTH_A_THREAD:
        return decode_json(body, model)
    return await asyncio.to_thread(decode_json, body, model)


def decode_json(body: bytes, model: type[T]) -> T:
    """Return JSON as a record; an empty body is an empty object.

    Raises
    ------
    InputError
        It is no JSON, is nested too deep, has too many values or one key twice, or is
        not such a record; names the field.
    """
    check_depth(body, MOST_LEVELS)
    check_values(body, _MOST_VALUES)
    try:
        value = jiter.from_json(
            body or b"{}", allow_inf_nan=False, catch_duplicate_keys=True
        )
    except ValueError as error:
        raise InputError("body", f"is not JSON: {error}") from None
    try:
        return msgspec.convert(value, type=model)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        field = "/" + place.strip("`.").replace(".", "/")
        raise InputError(field, reason) from None


async def _received(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge("body", limit)
        chunks.append(chunk)
    return b"".join(chunks)


def integer(
    request: Request, name: str, default: int | None, *, least: int, most: int
) -> int | None:
    """Return a query parameter as an integer within bounds.

    Raises
    ------
    InputError
        It is no integer, or out of bounds.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise InputError(name, f"{text[:40]!r} is no integer") from None
    if not least <= value <= most:
        raise InputError(name, f"{text[:40]} is out of range", f"{least} to {most}")
    return value


def choice(request: Request, name: str, model: type[T]) -> T | None:
    """Return a query parameter as one of an enumeration's values.

    Raises
    ------
    InputError
        It is none of them.
    """
    text: Any = request.query_params.get(name)
    if text is None:
        return None
    try:
        return msgspec.convert(text, model)
    except msgspec.ValidationError:
        known = ", ".join(str(getattr(one, "value", one)) for one in model)  # type: ignore[attr-defined]
        raise InputError(name, f"{text[:40]!r} is unknown", f"one of {known}") from None
