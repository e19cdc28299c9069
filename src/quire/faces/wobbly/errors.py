"""Errors as Wobbly tells them: a list of details, in the shape of FastAPI's."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from quire.errors import InputError, ManyInputErrors, NotFound, QuireError
from quire.web.json import json_response
from quire.web.problems import status_of

_UNPROCESSABLE = 422
_UNAUTHENTICATED = 401
_TRY_LATER = frozenset({503, 507})
_HEADER_CODE = "missing_header"

Where = tuple[str | int, ...]


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong.

    Attributes
    ----------
    type
        A word for programs.
    loc
        Where: ``body``, ``query``, ``path`` or ``header``, and the way from there.
    """

    type: str
    loc: Where = ()
    msg: str


class ErrorModel(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is refused with."""

    detail: tuple[Detail, ...]


class Invalid(QuireError):
    """A request whose parts are wrong, all told at once."""

    code = "invalid_input"

    def __init__(self, details: Sequence[Detail]) -> None:
        self.details = tuple(details)
        super().__init__("; ".join(one.msg for one in details))


def invalid(kind: str, where: Where, message: str) -> Invalid:
    """Return the error of one wrong part."""
    return Invalid([Detail(type=kind, loc=where, msg=message)])


def refuse(error: QuireError) -> Response:
    """Return an error as Wobbly would."""
    if isinstance(error, Invalid):
        return _response(_UNPROCESSABLE, error.details)
    if isinstance(error, NotFound):
        detail = Detail(
            type="unknown_job",
            loc=("path", "job_id"),
            msg=f"Job {error.name} not found",
        )
        return _response(404, (detail,))
    if isinstance(error, InputError):
        each = error.errors if isinstance(error, ManyInputErrors) else (error,)
        missing = any(one.code == _HEADER_CODE for one in each)
        status = _UNPROCESSABLE if missing else status_of(error)
        return _response(status, tuple(map(_detail, each)))
    return _response(status_of(error), (Detail(type=error.code, msg=str(error)),))


def _detail(error: InputError) -> Detail:
    if error.code == _HEADER_CODE:
        return Detail(type="missing", loc=("header", error.field), msg=str(error))
    way = [part for part in error.field.split("/") if part]
    loc = tuple(way) if way[:1] == ["body"] else ("body", *way)
    return Detail(type=error.code, loc=loc, msg=str(error))


def _response(status: int, details: tuple[Detail, ...]) -> Response:
    headers: dict[str, Any] = {}
    if status == _UNAUTHENTICATED:
        headers["www-authenticate"] = 'Bearer realm="quire"'
    if status in _TRY_LATER:
        headers["retry-after"] = "1"
    return json_response(ErrorModel(detail=details), status, headers)
