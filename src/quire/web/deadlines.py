"""How long a client may take to send a body.

A client that sends a byte now and then would hold a connection, and what it has sent,
for ever (``reference/security.md``, S6).
"""

import asyncio

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire.errors import InputError


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """How slow a client may be.

    Attributes
    ----------
    header_seconds
        From a connection, or a request's first byte, to the end of its headers.
    body_seconds
        What every body has, however small.
    body_rate
        Bytes a second that a body must make beyond that.
    """

    header_seconds: float = 5.0
    body_seconds: float = 10.0
    body_rate: float = 16 * 1024

    def body_due(self, received: int) -> float:
        """Return the seconds after which a body of so many bytes must have gone on."""
        return self.body_seconds + received / self.body_rate


class TooSlow(InputError):
    """A body that does not come."""

    code = "too_slow"

    def __init__(self, received: int) -> None:
        self.received = received
        super().__init__(
            "body", f"did not come: {received} bytes until now", "send it at once"
        )


class BodyDeadline:
    """Gives up on bodies that trickle."""

    def __init__(self, app: ASGIApp, deadlines: Deadlines) -> None:
        self._app = app
        self._deadlines = deadlines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a `receive` that raises `TooSlow` in time."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        begun = asyncio.get_running_loop().time()
        received, more = 0, True

        async def receive_in_time() -> Message:
            nonlocal received, more
            if not more:
                return await receive()
            due = begun + self._deadlines.body_due(received)
            try:
                async with asyncio.timeout_at(due):
                    message = await receive()
            except TimeoutError:
                more = False
                raise TooSlow(received) from None
            received += len(message.get("body", b""))
            more = message.get("more_body", False)
            return message

        await self._app(scope, receive_in_time, send)


def _has_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (
            name == b"content-length" and value != b"0"
        ):
            return True
    return False
