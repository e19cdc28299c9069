"""Long answers whose parts lie about in memory, such as the columns of a table."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from quire.web.connections import LINE, Line

Pieces = Sequence[memoryview]


class VectoredBody(Response):
    """Sends parts of many pieces each, without putting the pieces together.

    A client that has gone is no exception here: it would hold the parts in its
    traceback until Python looks for cycles, and they are large.

    Parameters
    ----------
    parts
        Of the body; nothing may change what the pieces show.
    length
        Bytes of the body, if that is known: then the pieces of a part are put together.
    """

    def __init__(
        self,
        parts: AsyncGenerator[Pieces, None],
        *,
        media_type: str,
        length: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        if length is not None:
            self.headers["content-length"] = str(length)
        self._in_chunks = length is None
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it, only the headers to HEAD."""
        del receive
        line: Line | None = scope.get("extensions", {}).get(LINE, {}).get("line")
        begin = {"status": self.status_code, "headers": self.raw_headers}
        try:
            await send({"type": "http.response.start", **begin})
            if scope["method"] != "HEAD":
                await self._send(self._way(line, send))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._parts.aclose()

    def _way(self, line: Line | None, send: Send) -> "Line | _Joining":
        return _Joining(send, line) if line is None or not self._in_chunks else line

    async def _send(self, line: "Line | _Joining") -> None:
        async for pieces in self._parts:
            if not await line.write(pieces):
                return


class _Joining:
    """In place of a `Line`, by what any server has."""

    def __init__(self, send: Send, line: Line | None) -> None:
        self._send = send
        self._line = line

    async def write(self, pieces: Pieces) -> bool:
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        await self._send(
            {"type": "http.response.body", "body": body, "more_body": True}
        )
        return self._line is None or not self._line.lost
