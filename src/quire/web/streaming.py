"""Long answers, sent piece by piece."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SEND_SECONDS = 30.0


class StreamedBody(Response):
    """Sends pieces as they are made; the next is made when the last has gone.

    What fails after the first piece breaks the connection, so that half an answer is
    never taken for a whole one. A client that takes nothing for 30 seconds is left.
    """

    def __init__(self, pieces: AsyncIterator[bytes], *, media_type: str) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it, only the headers to HEAD."""
        del receive
        whole = scope["method"] != "HEAD"
        # Made first: what goes wrong with it can still be answered properly.
        first = await anext(self._pieces, b"") if whole else b""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await _send(send, first)
        if whole:
            async for piece in self._pieces:
                await _send(send, piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send(send: Send, body: bytes) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})
