"""Reading requests: bodies and parameters within their limits."""

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from quire.errors import InputError, TooLarge

T = TypeVar("T")


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body.

    Raises
    ------
    TooLarge
        It is longer than `limit` bytes, by its header or in fact.
    InputError
        It is encoded in a way that is not read.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise InputError("Content-Encoding", f"{encoding!r} is not read", "send plain")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge("body", limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge("body", limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: Request, model: type[T], limit: int) -> T:
    """Return the body as a record.

    Raises
    ------
    InputError
        It is no JSON, or not such a record; names the field.
    """
    body = await read_body(request, limit)
    try:
        return msgspec.json.decode(body or b"{}", type=model)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        field = "/" + place.strip("`.").replace(".", "/")
        raise InputError(field, reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("body", f"is not JSON: {error}") from None


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
