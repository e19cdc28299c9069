"""The writer's own POST, with the least work in the process that runs a plan.

Plan and sender share one interpreter, so each microsecond here is one that the plan
may wait. A round trip costs 80 us of it through http.client, 370 us through httpx.
"""

import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec

from quire.client.discovery import Address
from quire.client.errors import ConnectionLost

_TIMEOUT = 60.0  # seconds of silence


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
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)

    def post(self, path: str, content: bytes, media: str) -> Answer:
        """Send bytes and return the answer, whatever its status.

        They may arrive twice: a server closes idle connections, and then they are sent
        once more over a new one.

        Raises
        ------
        ConnectionLost
            No answer.
        """
        kept = self._connection.sock is not None
        try:
            return self._once(path, content, media)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not kept or isinstance(error, TimeoutError):
                raise self._lost(error) from error
        try:
            return self._once(path, content, media)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._lost(error) from error

    def _once(self, path: str, content: bytes, media: str) -> Answer:
        headers = {"Content-Type": media}
        if self._address.token:
            headers["Authorization"] = f"Bearer {self._address.token}"
        self._connection.request("POST", self._path + path, content, headers)
        answer = self._connection.getresponse()
        return Answer(status=answer.status, problem=_problem(answer.read()))

    def _lost(self, error: Exception) -> ConnectionLost:
        return ConnectionLost(self._address.url, str(error) or type(error).__name__)

    def close(self) -> None:
        """Give up the socket; the next post opens another."""
        self._connection.close()


def _problem(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {"detail": body.decode(errors="replace").strip()[:500]}
