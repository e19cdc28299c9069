"""Follow an operation's progress events over server-sent events.

The one consumer of them on the client's side. It reconnects by itself after the last
event that it saw, as long as the server comes back; an operation's numbers never
restart, so nothing is shown twice and nothing is missed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from httpx_sse import EventSource, ServerSentEvent, SSEError

from quire.client.backoff import Backoff
from quire.client.connection import Connection
from quire.client.errors import ConnectionLost, Refused
from quire.client.waiting import in_thread
from quire.errors import QuireError
from quire.progress.event import ProgressEvent, ProgressType

T = TypeVar("T")

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


class _DataOfMany(msgspec.Struct, frozen=True, kw_only=True):
    operation: str
    number: int = 0
    message: str = ""
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
    course = _Course(operation, after)
    return resumed(connection, lambda: course.events(connection), patience=patience)


def follow_many(
    connection: Connection,
    operations: Sequence[str],
    *,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[tuple[str, Told]]:
    """Yield the events of many operations, by one stream, until all are over.

    One that is removed meanwhile counts as over. Raises as `follow`.
    """
    course = _Courses(operations)
    return resumed(connection, lambda: course.events(connection), patience=patience)


def resumed(
    connection: Connection,
    one_connection: Callable[[], Iterator[T]],
    *,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[T]:
    """Yield from one connection after the other, until one says that all is over.

    Parameters
    ----------
    one_connection
        Yields what one connection gives, and raises `Over` behind the last of all.
    patience
        Seconds that the server may be away.

    Raises
    ------
    ConnectionLost, Refused
        As `follow`.
    """
    backoff = Backoff(first=0.1, most=10.0)
    lost_since: float | None = None
    while True:
        try:
            for item in one_connection():
                lost_since = None
                backoff.reset()
                yield item
        except Over:
            return
        except (ConnectionLost, Refused) as error:
            if isinstance(error, Refused) and error.status not in _OVERLOADED:
                raise
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since > patience:
                raise
        time.sleep(backoff.next())
        _find_again(connection)


class Over(Exception):
    """Nothing is left to tell."""


def heard(
    connection: Connection, path: str, last_id: str | None
) -> Iterator[ServerSentEvent]:
    """Yield the events of one connection, those that carry nothing left out.

    Raises
    ------
    Over
        The server has nothing behind the last id.
    ConnectionLost, Refused
        As `follow`.
    """
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    with connection.listen(path, headers=headers, silence=SILENCE_SECONDS) as answer:
        if answer.status_code == _NO_CONTENT:
            raise Over
        try:
            for sent in EventSource(answer).iter_sse():
                if sent.data:  # httpx-sse 0.4.3 gives a keepalive as an empty event
                    yield sent
        except (SSEError, ValueError) as error:
            raise ConnectionLost(connection.url, str(error)) from error


class _Course:
    """How far one operation was heard."""

    def __init__(self, operation: str, after: int | None) -> None:
        self._path = f"/api/v1/operations/{operation}/events"
        self._after = after

    def events(self, connection: Connection) -> Iterator[Told]:
        after = None if self._after is None else str(self._after)
        for sent in heard(connection, self._path, after):
            told = _told(sent)
            self._after = told.id
            yield told
            if told.final:
                raise Over


class _Courses:
    """How far each of many operations was heard."""

    def __init__(self, operations: Sequence[str]) -> None:
        query = urlencode([("id", name) for name in operations])
        self._path = f"/api/v1/streams/operations?{query}"
        self._open = set(operations)
        self._numbers: dict[str, int] = {}
        self._last_id: str | None = None

    def events(self, connection: Connection) -> Iterator[tuple[str, Told]]:
        for sent in heard(connection, self._path, self._last_id):
            self._last_id = sent.id or self._last_id
            found = self._read(sent)
            if found is not None:
                yield found
                if found[1].final:
                    self._open.discard(found[0])
            if not self._open:
                raise Over

    def _read(self, sent: ServerSentEvent) -> tuple[str, Told] | None:
        data = msgspec.json.decode(sent.data, type=_DataOfMany)
        if sent.event == "gone":
            self._open.discard(data.operation)
        elif sent.event == "reset":
            self._numbers.pop(data.operation, None)
        elif data.number > self._numbers.get(data.operation, 0):
            self._numbers[data.operation] = data.number
            event = ProgressEvent(
                type=ProgressType(sent.event),
                message=data.message,
                progress=data.progress,
            )
            return data.operation, Told(id=data.number, event=event)
        return None


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
        self._events = follow(connection, operation, after=after)

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
        return in_thread(self._events, timeout=timeout)
