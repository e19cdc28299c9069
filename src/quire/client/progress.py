"""Follow an operation's progress events over server-sent events.

The one consumer of them on the client's side. It reconnects by itself after the last
event that it saw, as long as the server comes back; an operation's numbers never
restart, so nothing is shown twice and nothing is missed.
"""

import queue
import threading
import time
from collections.abc import Iterator

import msgspec
from httpx_sse import EventSource, ServerSentEvent, SSEError

from quire.client.backoff import Backoff
from quire.client.connection import Connection
from quire.client.errors import ConnectionLost, Refused
from quire.errors import QuireError
from quire.progress.event import ProgressEvent, ProgressType

# Three keepalives: silence for longer means a dead connection.
SILENCE_SECONDS = 45.0
PATIENCE_SECONDS = 60.0
_OVERLOADED = frozenset({429, 500, 502, 503, 504})
_NO_CONTENT = 204


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A progress event with its number in the operation's log."""

    id: int
    event: ProgressEvent

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self.event.type.final


class _Data(msgspec.Struct, frozen=True):
    message: str
    progress: int | None = None


def follow(
    connection: Connection,
    operation: str,
    *,
    after: int | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[Told]:
    """Yield progress events until the final one.

    Parameters
    ----------
    operation
        Id of a job, or uid of a run.
    after
        Number of the last event that is known already.
    patience
        Seconds that the server may be away.

    Raises
    ------
    ConnectionLost
        It was away for longer.
    Refused
        It will not tell.
    """
    backoff = Backoff(first=0.1, most=10.0)
    lost_since: float | None = None
    while True:
        try:
            for told in _one_connection(connection, operation, after):
                after, lost_since = told.id, None
                backoff.reset()
                yield told
                if told.final:
                    return
        except _Over:
            return
        except (ConnectionLost, Refused) as error:
            if isinstance(error, Refused) and error.status not in _OVERLOADED:
                raise
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since > patience:
                raise
        time.sleep(backoff.next())
        _find_again(connection)


class _Over(Exception):
    """The server says that nothing is left to tell."""


def _one_connection(
    connection: Connection, operation: str, after: int | None
) -> Iterator[Told]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    path = f"/api/v1/operations/{operation}/events"
    with connection.listen(path, headers=headers, silence=SILENCE_SECONDS) as answer:
        if answer.status_code == _NO_CONTENT:
            raise _Over
        try:
            for sent in EventSource(answer).iter_sse():
                if sent.data:  # httpx-sse 0.4.3 gives a keepalive as an empty event
                    yield _told(sent)
        except (SSEError, ValueError) as error:
            raise ConnectionLost(connection.url, str(error)) from error


def _told(sent: ServerSentEvent) -> Told:
    data = msgspec.json.decode(sent.data, type=_Data)
    event = ProgressEvent(
        type=ProgressType(sent.event), message=data.message, progress=data.progress
    )
    return Told(id=int(sent.id), event=event)


def _find_again(connection: Connection) -> None:
    try:
        connection.find_again()
    except QuireError:
        return  # none runs now; the old address may come back


class Listener:
    """Follows an operation in a thread, so that its reader can wait with a limit.

    Parameters
    ----------
    connection
        Used by the thread until the operation is over.
    """

    def __init__(
        self, connection: Connection, operation: str, *, after: int | None = None
    ) -> None:
        self._told: queue.SimpleQueue[Told | BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._run,
            args=(connection, operation, after),
            name="quire listener",
            daemon=True,
        )
        self._thread.start()

    def _run(self, connection: Connection, operation: str, after: int | None) -> None:
        try:
            for told in follow(connection, operation, after=after):
                self._told.put(told)
            self._told.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the reader
            self._told.put(error)

    def events(self, timeout: float | None = None) -> Iterator[Told]:
        """Yield events as they come until the final one.

        Parameters
        ----------
        timeout
            Seconds for all of them together.

        Raises
        ------
        TimeoutError
            The operation is not over by then.
        ConnectionLost, Refused
            As `follow`.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            told = self._next(deadline)
            if told is None:
                return
            yield told

    def _next(self, deadline: float | None) -> Told | None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            told = self._told.get(timeout=left)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(told, BaseException):
            raise told
        return told
