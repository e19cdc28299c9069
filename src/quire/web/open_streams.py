"""The streams that are open: how many each principal has, and their common end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import Response

from quire.access.principals import Principal
from quire.errors import QuireError
from quire.web.event_stream import SEND_SECONDS, EventStream, as_sent

STREAMS_A_PRINCIPAL = 1000


class TooManyStreams(QuireError):
    """One principal listens to too much at once."""

    code = "quota_exceeded"

    def __init__(self, principal: str, limit: int) -> None:
        self.limit = limit
        self.taken = limit
        super().__init__(
            f"{principal} has {limit} streams open, and may have no more: close some, "
            "or follow many operations by one, at /api/v1/streams/operations"
        )


class OpenStreams:
    """Makes streams, and breaks off those that are unfinished when the server stops.

    Parameters
    ----------
    stopping
        Set when the server is about to end.
    a_principal
        How many each principal may have open.
    patience
        Seconds that a client may take no more bytes.
    """

    def __init__(
        self,
        stopping: asyncio.Event,
        *,
        a_principal: int = STREAMS_A_PRINCIPAL,
        patience: float = SEND_SECONDS,
    ) -> None:
        self._stopping = stopping
        self._limit = a_principal
        self._patience = patience
        self._open: Counter[str] = Counter()
        self._breaks: set[Callable[[], None]] = set()
        self._watch: asyncio.Task[None] | None = None

    def respond(
        self,
        principal: Principal,
        pieces: AsyncIterator[Any],
        *,
        encode: Callable[[Any], bytes] = as_sent,
    ) -> Response:
        """Return an answer that sends what comes, until its end.

        Parameters
        ----------
        pieces
            Bytes, empty for a keepalive; or whatever `encode` makes bytes of.

        Raises
        ------
        TooManyStreams
            The principal has as many open as may be.
        """
        if self._open[principal.name] >= self._limit:
            raise TooManyStreams(principal.name, self._limit)
        held = _Held(self, principal.name)
        return EventStream(pieces, held, encode=encode, patience=self._patience)

    def enter(self, name: str, break_off: Callable[[], None]) -> None:
        """Count a stream that begins."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._break_all())
        self._open[name] += 1
        self._breaks.add(break_off)
        if self._stopping.is_set():
            break_off()

    def leave(self, name: str, break_off: Callable[[], None]) -> None:
        """Count a stream that ends."""
        self._breaks.discard(break_off)
        self._open[name] -= 1
        if self._open[name] <= 0:
            del self._open[name]

    async def _break_all(self) -> None:
        await self._stopping.wait()
        for break_off in tuple(self._breaks):
            break_off()


class _Held:
    """One stream's entry among the open ones."""

    __slots__ = ("_name", "_streams")

    def __init__(self, streams: OpenStreams, name: str) -> None:
        self._streams = streams
        self._name = name

    def enter(self, break_off: Callable[[], None]) -> None:
        """Begin."""
        self._streams.enter(self._name, break_off)

    def leave(self, break_off: Callable[[], None]) -> None:
        """End."""
        self._streams.leave(self._name, break_off)
