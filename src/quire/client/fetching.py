"""Big answers, read at the speed of the socket.

httpx hands out 64 KiB at a time, which for a table of 160 MB takes longer than all else
together; http.client reads as much as is asked for.
"""

import http.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from quire.client.connection import Connection
from quire.client.errors import ConnectionLost, refusal
from quire.trust import line_to

_TIMEOUT = 600.0  # seconds of silence: the server may have to gather a long run first


@contextmanager
def fetched(
    connection: Connection, path: str, query: Mapping[str, Any]
) -> Iterator[http.client.HTTPResponse]:
    """Give an answer that is read like a file.

    Parameters
    ----------
    query
        Parameters; those that are None are left out, True and False written small.

    Raises
    ------
    ConnectionLost
        No answer, or it breaks off.
    Refused
        The answer is a problem; one of its subclasses where the code is known.
    """
    address = connection.address
    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    wire = line_to(address.url, _TIMEOUT)
    try:
        base = urlsplit(address.url).path.rstrip("/")
        target = f"{base}{path}?{_encoded(query)}"
        wire.request("GET", target, headers=headers)
        answer = wire.getresponse()
        if answer.status != http.client.OK:
            raise refusal(answer.status, _problem(answer.read()))
        yield answer
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise ConnectionLost(address.url, reason) from error
    finally:
        wire.close()


def arrow_reader(answer: http.client.HTTPResponse) -> Any:
    """Return a `pyarrow.RecordBatchStreamReader` of an answer.

    Its arrays are received into memory of Arrow, which keeps what it frees for the
    next table; Python would ask the system for it each time.
    """
    import pyarrow as pa

    return pa.ipc.open_stream(_Received(answer, pa.allocate_buffer))


class _Received:
    """An answer as a file of Arrow, which asks such a file for buffers."""

    closed = False

    def __init__(
        self, answer: http.client.HTTPResponse, allocate: Callable[..., Any]
    ) -> None:
        self._answer = answer
        self._allocate = allocate

    def read(self, size: int) -> bytes:
        """Return at most so many bytes."""
        return self._answer.read(size)

    def read_buffer(self, size: int) -> Any:
        """Return a buffer of at most so many bytes; of fewer at the end alone."""
        buffer = self._allocate(size, resizable=True)
        received = self._answer.readinto(memoryview(buffer))
        if received < size:
            buffer.resize(received)
        return buffer


def _encoded(query: Mapping[str, Any]) -> str:
    given = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in query.items()
        if value is not None
    }
    return urlencode(given, doseq=True)


def _problem(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {"detail": body.decode(errors="replace").strip()[:500]}
