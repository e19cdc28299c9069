"""One POST over an open socket, written and read without ceremony.

The library's own answers are parsed as mails are, headers and all, which costs more than
everything else of a small request. Of an answer no more is looked at here than where it
ends; one that does not say so plainly is left to the library.
"""

import http.client
import re
import socket
from contextlib import suppress
from typing import NamedTuple

_LOOK = 65_536
_ONE_WRITE = 65_536
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"
_NO_BODY = frozenset({204, 304})


class Heard(NamedTuple):
    """An answer.

    Attributes
    ----------
    last
        Whether the connection ends with it.
    """

    status: int
    body: bytes
    last: bool


def post(wire: socket.socket, head: bytes, content: bytes) -> Heard:
    """Send a request and return its answer.

    Parameters
    ----------
    wire
        Connected, idle, and not encrypted.
    head
        Request line and headers, but for the Content-Length.

    Raises
    ------
    OSError, http.client.HTTPException
        No answer, or none in HTTP.
    """
    text = b"%bContent-Length: %d\r\n\r\n" % (head, len(content))
    if len(content) <= _ONE_WRITE:
        wire.sendall(text + content)
    else:
        wire.sendall(text)
        # A server that will not have so much says so, and closes before it has all.
        with suppress(BrokenPipeError, ConnectionResetError):
            wire.sendall(content)
    seen = wire.recv(_LOOK, socket.MSG_PEEK)
    if not seen:
        raise http.client.RemoteDisconnected("the connection was closed")
    return _plain(wire, seen) or _thorough(wire)


def _plain(wire: socket.socket, seen: bytes) -> Heard | None:
    end = seen.find(_END)
    above = seen[: end + 2]
    status, length = _STATUS.match(above), _LENGTH.findall(above)
    if end < 0 or status is None or len(length) != 1:
        return None
    code, whole = int(status[1]), end + len(_END) + int(length[0])
    lower = above.lower()
    if len(seen) < whole or code in _NO_BODY or b"\r\ntransfer-encoding:" in lower:
        return None
    wire.recv(whole)  # as it was seen: what follows is not ours to take
    body = seen[end + len(_END) : whole]
    return Heard(code, body, b"\r\nconnection: close\r\n" in lower)


def _thorough(wire: socket.socket) -> Heard:
    answer = http.client.HTTPResponse(wire, method="POST")
    answer.begin()
    return Heard(answer.status, answer.read(), answer.will_close)
