"""A short way for requests of which many come: from the socket to the answer.

Parsing, routing and the layers around an application cost more than to store a small
document. A request is taken this way if it is of a kind that asks for it, whole, plain
and alone on its connection; all others go the usual way, and are answered alike.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, cast

import msgspec
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from quire.web.connections import BoundedProtocol, Bounds
from quire.web.deadlines import TooSlow
from quire.web.guard import SECURITY_HEADERS
from quire.web.problems import crash

_log = logging.getLogger(__name__)
_END = b"\r\n\r\n"
_LENGTH = b"content-length"
_MOST_DIGITS = 9
# What else a request may say has a meaning, which the usual way knows.
_PLAIN = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"authorization",
        b"connection",
        b"content-type",
        b"host",
        b"user-agent",
        _LENGTH,
    }
)
_LONGEST_HEAD = 4096

Answerer = Callable[[bytes], bytes | Awaitable[bytes]]
"""Takes a body and gives an answer, from its status line on."""


class Express(Protocol):
    """Answers requests of one method and target."""

    most: int
    """Bytes of a body; a longer one goes the usual way."""

    def __call__(self, headers: Mapping[bytes, bytes]) -> Answerer | None:
        """Return who answers requests with these headers, None for the usual way.

        Asked once for requests that differ in nothing but their bodies.
        """
        ...


class _Known(msgspec.Struct, frozen=True):
    """A head that was looked at: what stands around the length of the body."""

    before: bytes
    after: bytes
    most: int
    answer: Answerer


class ExpressProtocol(BoundedProtocol):
    """HTTP/1.1 with a short way.

    Parameters
    ----------
    express
        By the first line of a request.
    """

    def __init__(
        self,
        *args: Any,
        bounds: Bounds,
        express: Mapping[bytes, Express],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, bounds=bounds, **kwargs)
        self._express = express
        self._known: _Known | None = None
        self._within = self._answering = self._ending = False
        self._parts: list[bytes] = []
        self._missing = 0
        self._held: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self._answering:
            self._held.append(data)
            self.flow.pause_reading()
        elif self._missing:
            self._gather(data)
        elif self._refused or self._within or not self._begins(data):
            super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request on the usual way."""
        self._within = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """End a request on the usual way."""
        self._within = False
        super().on_message_complete()

    def shutdown(self) -> None:
        """End, once what is under way is answered."""
        if self._answering or self._missing:
            self._ending = True
        else:
            super().shutdown()

    def _begins(self, data: bytes) -> bool:
        """Take a request that begins, if it may go the short way."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            return False
        known = self._known
        if known is None or not data.startswith(known.before):
            known = self._known = self._learnt(data)
            if known is None:
                return False
        begin = len(known.before)
        end = data.find(b"\r\n", begin, begin + _MOST_DIGITS + 2)
        digits = data[begin:end]
        if end < 0 or not digits.isdigit() or not data.startswith(known.after, end):
            return False
        length, start = int(digits), end + len(known.after)
        missing = length - (len(data) - start)
        if missing < 0 or not 0 < length <= known.most:
            return False
        self._unset_keepalive_if_required()
        self._in_headers, self._due = False, math.inf
        if missing:
            self._expect(data[start:], missing)
        else:
            self._answer_to(data[start:])
        return True

    def _learnt(self, data: bytes) -> _Known | None:
        line, _, rest = data[:_LONGEST_HEAD].partition(b"\r\n")
        express = self._express.get(line)
        head, found, _ = rest.partition(_END)
        if express is None or not found:
            return None
        headers = _headers(head)
        if headers is None or _LENGTH not in headers:
            return None
        answer = express(headers)
        if answer is None:
            return None
        begin = len(line) + 2
        for each in head.split(b"\r\n"):
            if each.lower().startswith(_LENGTH + b":"):
                begin += len(each) - len(each.partition(b":")[2].lstrip(b" \t"))
                break
            begin += len(each) + 2
        end = data.index(b"\r\n", begin)
        after = data[end : data.index(_END, end) + len(_END)]
        return _Known(data[:begin], after, express.most, answer)

    def _expect(self, part: bytes, missing: int) -> None:
        self._parts, self._missing = [part], missing
        self._in_body = True
        self._begun, self._received = self.loop.time(), len(part)
        self._due = self._begun + self._deadlines.body_due(len(part))
        if self._timer is None:
            self._arm(self._due)

    def _gather(self, data: bytes) -> None:
        if self._refused:
            return
        self._parts.append(data[: self._missing])
        rest = data[self._missing :]
        self._missing -= len(self._parts[-1])
        self._received += len(data)
        self._due = self._begun + self._deadlines.body_due(self._received)
        if self._missing:
            return
        body, self._parts = b"".join(self._parts), []
        self._in_body, self._due = False, math.inf
        self._answer_to(body)
        if rest:
            self.data_received(rest)

    def _grace(self) -> float:
        return 0.0 if self._missing else super()._grace()

    def _body_is_late(self) -> None:
        if self._missing:
            slow = TooSlow(self._received)
            self._refuse(408, str(slow), code=slow.code)
        else:
            super()._body_is_late()

    def _answer_to(self, body: bytes) -> None:
        if self._known is None:
            raise RuntimeError("a body without a head")
        self._answering = True
        found = self._known.answer(body)
        if isinstance(found, bytes) and not self.flow.write_paused:
            self._send(found)
            return
        task = self.loop.create_task(self._answer(found))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, found: bytes | Awaitable[bytes]) -> None:
        try:
            text = found if isinstance(found, bytes) else await found
        except Exception as error:  # noqa: BLE001  # told, and logged
            _log.exception("a defect of the server")
            text = rendered(crash(error))
        if self.flow.write_paused:
            await self.flow.drain()
        self._send(text)

    def _send(self, text: bytes) -> None:
        self._answering = False
        if self.transport.is_closing():
            return
        line, _, rest = text.partition(b"\r\n")
        dated = [b"%b: %b\r\n" % one for one in self.server_state.default_headers]
        self.transport.write(b"".join([line, b"\r\n", *dated, rest]))
        self.server_state.total_requests += 1
        if self._ending:
            self.transport.close()
            return
        self.flow.resume_reading()
        if self._held:
            data, self._held = b"".join(self._held), []
            self.data_received(data)
        else:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )


def rendered(response: Response) -> bytes:
    """Return an answer as it goes out, with the headers that all answers have."""
    phrase = HTTPStatus(response.status_code).phrase.encode()
    own = {name for name, _ in response.raw_headers}
    added = [one for one in SECURITY_HEADERS if one[0] not in own]
    lines = [b"%b: %b\r\n" % one for one in (*response.raw_headers, *added)]
    head = b"HTTP/1.1 %d %b\r\n" % (response.status_code, phrase)
    return b"".join([head, *lines, b"\r\n", bytes(response.body)])


def expressed(
    bounds: Bounds, express: Mapping[bytes, Express]
) -> type[asyncio.Protocol]:
    """Return what uvicorn takes as its `http` protocol.

    Parameters
    ----------
    express
        By the first line of a request.
    """
    made: Callable[..., asyncio.Protocol]
    made = partial(ExpressProtocol, bounds=bounds, express=express)
    return cast("type[asyncio.Protocol]", made)


def _headers(head: bytes) -> dict[bytes, bytes] | None:
    """Return plain headers; None where one is none, or there twice."""
    found: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if not colon or name not in _PLAIN or name in found:
            return None
        if not value.isascii() or not value.decode().isprintable():
            return None
        if name == b"connection" and value.lower() != b"keep-alive":
            return None
        found[name] = value
    return found
