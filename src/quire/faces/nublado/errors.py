"""Errors as Nublado's controller tells them: a list of details."""

from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from quire.errors import (
    Forbidden,
    InputError,
    ManyInputErrors,
    NotFound,
    QuireError,
    Unauthenticated,
)
from quire.labs.errors import QuotaExceeded
from quire.web.json import json_response
from quire.web.problems import status_of
from quire.web.proxy import MissingHeader

_UNPROCESSABLE = 422
_UNAUTHENTICATED = 401

Where = tuple[str | int, ...]


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong.

    Attributes
    ----------
    loc
        Where: ``body`` or ``path``, and the way from there.
    type
        A word for programs.
    """

    loc: Where = ()
    msg: str
    type: str


class ErrorModel(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is refused with."""

    detail: tuple[Detail, ...]


class Invalid(QuireError):
    """A request whose parts are wrong, all told at once."""

    code = "invalid_input"

    def __init__(self, details: Sequence[Detail]) -> None:
        self.details = tuple(details)
        super().__init__("; ".join(one.msg for one in details))


def refuse(error: QuireError) -> Response:
    """Return an error as the controller would."""
    if isinstance(error, Invalid):
        return _response(_UNPROCESSABLE, error.details)
    if isinstance(error, MissingHeader):
        return _response(_UNPROCESSABLE, (_detail(error),))
    if isinstance(error, ManyInputErrors):
        return _response(status_of(error), tuple(map(_detail, error.errors)))
    return _response(status_of(error), (_detail(error),))


def _detail(error: QuireError) -> Detail:
    words = str(error)
    if isinstance(error, InputError):
        return _misplaced(error, words)
    if isinstance(error, NotFound):
        words = f"Unknown user {error.name}" if error.what == "lab" else words
        return Detail(type="unknown_user", loc=("path", "username"), msg=words)
    if isinstance(error, Forbidden):
        return Detail(type="permission_denied", msg=words)
    if isinstance(error, Unauthenticated):
        return Detail(type="invalid_token", msg=words)
    if isinstance(error, QuotaExceeded):
        return Detail(type=error.code, loc=("body", "options", "size"), msg=words)
    return Detail(type=error.code, msg=words)


def _misplaced(error: InputError, words: str) -> Detail:
    if isinstance(error, MissingHeader):
        return Detail(type="missing", loc=("header", error.field), msg=words)
    way = [part for part in error.field.split("/") if part]
    loc = tuple(way) if way[:1] == ["body"] else ("body", *way)
    return Detail(type=error.code, loc=loc, msg=words)


def _response(status: int, details: tuple[Detail, ...]) -> Response:
    headers = None
    if status == _UNAUTHENTICATED:
        headers = {"www-authenticate": 'Bearer realm="quire"'}
    return json_response(ErrorModel(detail=details), status, headers)
