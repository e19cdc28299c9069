"""Quire's refusals as a tiled server's."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

import anyio.to_thread
from fastapi import HTTPException
from tiled.server.core import NoEntry  # type: ignore[import-untyped]

from quire.client.errors import ConnectionLost, Refused
from quire.errors import Ambiguous, Forbidden, NotFound, QuireError, Unauthenticated

T = TypeVar("T")
_TOO_SLOW = "search_too_slow"


class ReadOnly:
    """A container that tiled's clients cannot write into."""

    async def create_node(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: a tiled server calls it without looking whether it is there.

        Raises
        ------
        HTTPException
            Always.
        """
        words = "runs come into Quire as documents, not through this server"
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, words)


async def asked(function: Callable[..., T], *given: Any, **named: Any) -> T:
    """Return what a blocking function returns, called in a thread.

    Raises
    ------
    NoEntry, HTTPException
        As `refusal`.
    """
    try:
        return await anyio.to_thread.run_sync(partial(function, *given, **named))
    except QuireError as error:
        raise refusal(error) from error


def refusal(error: QuireError) -> Exception:
    """Return what tells a tiled client the same; of the mount's own it says so."""
    if isinstance(error, NotFound | Ambiguous):
        missing: Exception = NoEntry(str(error))
        return missing
    if isinstance(error, Unauthenticated | Forbidden):
        words = f"the token of this mount of Quire does not suffice: {error}"
        return HTTPException(HTTPStatus.FORBIDDEN, words)
    if isinstance(error, ConnectionLost):
        return HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    if isinstance(error, Refused) and error.reported == _TOO_SLOW:
        # Not 503: tiled's client would ask again and again.
        return HTTPException(HTTPStatus.BAD_REQUEST, str(error))
    if isinstance(error, Refused) and error.status >= HTTPStatus.BAD_REQUEST:
        return HTTPException(error.status, str(error))
    return HTTPException(HTTPStatus.BAD_GATEWAY, str(error))
