"""Errors as UWS tells them: a status and plain text."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from quire.errors import InputError, ManyInputErrors, QuireError
from quire.web.gate import OpenHandler
from quire.web.problems import status_of

# UWS 1.1, section 2.2.3: what is illegal in the present state is forbidden.
_FORBIDDEN_NOW = frozenset({"wrong_phase", "quota_exceeded"})
# Basic as well: TOPCAT and browsers ask for a password only if they are challenged.
_CHALLENGE = 'Basic realm="quire", charset="UTF-8", Bearer realm="quire"'
_TRY_LATER = frozenset({503, 507})


def status(error: QuireError) -> int:
    """Return the HTTP status of an error."""
    return 403 if error.code in _FORBIDDEN_NOW else status_of(error)


def told(error: QuireError) -> Response:
    """Return an error as text, one line each where there are several."""
    each: tuple[QuireError, ...] = (error,)
    if isinstance(error, ManyInputErrors):
        each = error.errors
    text = "\n".join(f"{one.code}: {one}" for one in each)
    code = status(error)
    response = PlainTextResponse(text.encode("utf-8", "replace").decode() + "\n", code)
    if code == HTTPStatus.UNAUTHORIZED:
        response.headers["www-authenticate"] = _CHALLENGE
    if code in _TRY_LATER:
        response.headers["retry-after"] = "1"
    return response


def telling(handler: Callable[[Request], Awaitable[Response]]) -> OpenHandler:
    """Return a handler for anyone, with its errors told as text."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except QuireError as error:
            return told(error)

    guarded.__doc__ = handler.__doc__
    return guarded


def only(field: str, text: str, known: tuple[str, ...]) -> str:
    """Return a word in capitals.

    Raises
    ------
    InputError
        It is none of those known.
    """
    word = text.strip().upper()
    if word not in known:
        raise InputError(field, f"{text!r:.40} is unknown", " or ".join(known))
    return word
