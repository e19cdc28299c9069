"""The writer's own POST, with the least work in the process that runs a plan.

Plan and sender share one interpreter, so each microsecond here is one that the plan
may wait. A round trip costs 30 us of it so, 80 us through http.client, 370 us through
httpx.
"""

import http.client
import socket
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from quire.client import plain_post
from quire.client.discovery import Address
from quire.client.errors import ConnectionLost
from quire.trust import line_to

_TIMEOUT = 60.0  # seconds of silence
T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answered.

    Attributes
    ----------
    problem
        The JSON object of the answer, or one made of its text.
    """

    status: int
    problem: dict[str, Any]


class Poster:
    """Posts over one connection that is kept open."""

    def __init__(self, address: Address) -> None:
        self._address = address
        parts = urlsplit(address.url)
        self._path = parts.path.rstrip("/")
        self._host = parts.netloc.rpartition("@")[2]
        self._heads: dict[tuple[str, str], bytes] = {}
        self._secure = parts.scheme == "https"
        self._connection = line_to(address.url, _TIMEOUT)

    def post(self, path: str, content: bytes, media: str) -> Answer:
        """Send bytes and return the answer, whatever its status.

        They may arrive twice: a server closes idle connections, and then they are sent
        once more over a new one.

        Raises
        ------
        ConnectionLost
            No answer.
        """
        return self._twice(lambda: self._once(path, content, media))

    def get(self, path: str, most: int) -> tuple[int, bytes | None]:
        """Return status and bytes of an answer; None if there are more than `most`.

        Raises
        ------
        ConnectionLost
            No answer, or it breaks off.
        """
        return self._twice(lambda: self._got(path, most))

    def _twice(self, act: Callable[[], T]) -> T:
        kept = self._connection.sock is not None
        try:
            return act()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not kept or isinstance(error, TimeoutError):
                raise self._lost(error) from error
        try:
            return act()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._lost(error) from error

    def _once(self, path: str, content: bytes, media: str) -> Answer:
        if self._secure:
            headers = {"Content-Type": media, **self._admitting()}
            self._connection.request("POST", self._path + path, content, headers)
            answer = self._connection.getresponse()
            return Answer(status=answer.status, problem=problem_in(answer.read()))
        if self._connection.sock is None:
            self._connection.connect()
        wire = cast("socket.socket", self._connection.sock)
        heard = plain_post.post(wire, self._head(path, media), content)
        if heard.last:
            self.close()
        return Answer(status=heard.status, problem=problem_in(heard.body))

    def _head(self, path: str, media: str) -> bytes:
        key = (path, media)
        if key not in self._heads:
            headers = {"Host": self._host, "Content-Type": media, **self._admitting()}
            lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
            self._heads[key] = "".join(
                [f"POST {self._path}{path} HTTP/1.1\r\n", *lines]
            ).encode("ascii")
        return self._heads[key]

    def _got(self, path: str, most: int) -> tuple[int, bytes | None]:
        self._connection.request("GET", self._path + path, headers=self._admitting())
        answer = self._connection.getresponse()
        body = answer.read(most + 1)
        if len(body) <= most:
            answer.read()  # what ends it, so that the line can be used again
            return answer.status, body
        self.close()
        return answer.status, None

    def _admitting(self) -> dict[str, str]:
        token = self._address.token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _lost(self, error: Exception) -> ConnectionLost:
        return ConnectionLost(self._address.url, str(error) or type(error).__name__)

    def close(self) -> None:
        """Give up the socket; the next post opens another."""
        self._connection.close()


def problem_in(body: bytes) -> dict[str, Any]:
    """Return the problem that an answer holds, or one made of its text."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {"detail": body.decode(errors="replace").strip()[:500]}
