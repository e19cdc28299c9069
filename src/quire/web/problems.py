"""Errors as problem details (RFC 9457)."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from quire.errors import InputError, ManyInputErrors, QuireError
from quire.web.compression import ENCODINGS
from quire.web.json import json_response
from quire.web.negotiation import wants_page

Page = Callable[[Request, Response], Awaitable[Response]]
"""Makes what a person reads of the problem that a request has met."""

_STATUS: Mapping[str, int] = {
    "invalid_input": 422,
    "invalid_query": 400,
    "search_too_slow": 503,
    "too_large": 413,
    "too_slow": 408,
    "too_deep": 422,
    "unsupported_media_type": 415,
    "not_acceptable": 406,
    "not_found": 404,
    "ambiguous": 409,
    "conflict": 409,
    "refused_document": 400,
    "wrong_phase": 409,
    "attempt_lost": 409,
    "abort_failed": 409,
    "lab_exists": 409,
    "operation_in_progress": 409,
    "unknown_image": 400,
    "invalid_docker_reference": 422,
    "invalid_lab_size": 422,
    "insufficient_quota": 403,
    "labs_unavailable": 501,
    "lab_failed": 500,
    "delete_failed": 500,
    "unauthenticated": 401,
    "forbidden": 403,
    "quota_exceeded": 429,
    "store_unavailable": 503,
    "store_full": 507,
    "not_reached": 503,
}
_LONGEST_PATH = 200
_TRY_LATER = frozenset({503, 507})
_EXTRA = (
    "what",
    "name",
    "candidates",
    "job",
    "phase",
    "cause",
    "limit",
    "taken",
    "column",
)


def status_of(error: QuireError) -> int:
    """Return the HTTP status of an error."""
    return _STATUS.get(error.code, 500)


def problem(error: QuireError) -> Response:
    """Return an error as `application/problem+json`."""
    status = status_of(error)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    if isinstance(error, InputError):
        each = error.errors if isinstance(error, ManyInputErrors) else (error,)
        body["field"], body["mend"] = error.field, error.mend
        body["errors"] = [
            {"field": one.field, "reason": one.reason, "mend": one.mend} for one in each
        ]
    body.update({name: getattr(error, name) for name in _EXTRA if hasattr(error, name)})
    return _response(body, status)


async def legible(request: Request, answer: Response, page: Page | None) -> Response:
    """Return a problem as who asks can read it: programs as it is, people as a page."""
    if page is None or not wants_page(request):
        return answer
    return await page(request, answer)


async def on_quire_error(_: Request, error: Exception) -> Response:
    """Answer a request that raised one of our errors."""
    if not isinstance(error, QuireError):
        raise error
    return problem(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router itself refuses: no such page, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    body = {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": _unrouted(request, error),
        "code": "http_error",
    }
    response = _response(body, error.status_code)
    response.headers.update(error.headers or {})
    return response


def _unrouted(request: Request, error: HTTPException) -> str:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            path = request.url.path[:_LONGEST_PATH]
            return f"nothing is at {path!r}; /docs lists every address"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            taken = (error.headers or {}).get("Allow", "another method")
            return f"{request.method} does nothing here; it takes {taken}"
        case _:
            return error.detail


async def on_disconnect(_: Request, __: Exception) -> Response:
    """Answer nobody: the client left before its body had come."""
    return Response(status_code=400)


async def on_crash(_: Request, error: Exception) -> Response:
    """Answer a request that met a defect."""
    return crash(error)


def crash(error: Exception) -> Response:
    """Return what tells of a defect; the server's log has the traceback."""
    body = {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": f"a defect of the server: {type(error).__name__}; see its log",
        "code": "internal_error",
    }
    return _response(body, 500)


def _response(body: dict[str, Any], status: int) -> Response:
    response = json_response(body, status)
    response.headers["content-type"] = "application/problem+json"
    if status == HTTPStatus.REQUEST_TIMEOUT:
        response.headers["connection"] = "close"
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        response.headers["accept-encoding"] = ", ".join(ENCODINGS)
    if status in _TRY_LATER:
        response.headers["retry-after"] = "1"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["www-authenticate"] = 'Bearer realm="quire"'
    return response
