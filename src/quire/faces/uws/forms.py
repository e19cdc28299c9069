"""What clients send: parameters in any case, urlencoded or in several parts."""

from collections.abc import Iterable

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from quire.errors import InputError
from quire.web.body import read_body
from quire.web.form import FORM, MOST_FIELDS, urlencoded
from quire.web.negotiation import UnsupportedBody

_READ = (FORM, "multipart/form-data")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file among the fields."""

    body: bytes
    mime_type: str


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Fields by their names in capitals, in the order of arrival."""

    fields: dict[str, tuple[str, ...]]
    files: dict[str, Part] = {}

    def one(self, name: str) -> str | None:
        """Return the only value of a field, None without one.

        Raises
        ------
        InputError
            There are several that differ.
        """
        values = dict.fromkeys(self.fields.get(name, ()))
        if len(values) > 1:
            raise InputError(name, "given several times", "give it once")
        return next(iter(values), None)

    def without(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the other fields."""
        left_out = set(names)
        return {
            name: values for name, values in self.fields.items() if name not in left_out
        }


def query_form(request: Request) -> Form:
    """Return the parameters of the address."""
    return Form(fields=_grouped(request.query_params.multi_items()))


async def read_form(request: Request, limit: int) -> Form:
    """Return the parameters of the address and of the body.

    Raises
    ------
    InputError
        It cannot be read.
    TooLarge
        It is longer than `limit` bytes, or has more than 1,000 fields.
    """
    body = await read_body(request, limit)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    fields = request.query_params.multi_items()
    match content_type.lower() or FORM:
        case "multipart/form-data":
            more, files = await _parts(request, body)
        case given if given == FORM:
            more, files = urlencoded(body), {}
        case _:
            raise UnsupportedBody("Content-Type", content_type, _READ)
    return Form(fields=_grouped([*fields, *more]), files=files)


async def _parts(
    request: Request, body: bytes
) -> tuple[list[tuple[str, str]], dict[str, Part]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    fields: list[tuple[str, str]] = []
    files: dict[str, Part] = {}
    try:
        form = await Request(request.scope, receive).form(
            max_fields=MOST_FIELDS, max_files=MOST_FIELDS, max_part_size=len(body) + 1
        )
    except MultiPartException as error:
        raise InputError(
            "body", f"is no multipart/form-data: {error.message}"
        ) from None
    except (HTTPException, ValueError, KeyError, LookupError) as error:
        reason = getattr(error, "detail", str(error))
        raise InputError("body", f"is no multipart/form-data: {reason}") from None
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.append((name, value))
            continue
        content = await value.read()
        await value.close()
        if not content and not value.filename:
            continue  # a browser's field without a file
        if name.upper() in files:
            raise InputError(name, "two files of one name", "send one")
        files[name.upper()] = Part(body=content, mime_type=value.content_type or "")
    return fields, files


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name.upper(), []).append(value)
    return {name: tuple(values) for name, values in grouped.items()}
