"""The doorbell across processes: LISTEN and NOTIFY, as hints beside the records.

A notification makes PostgreSQL commit one transaction after the other, so there are
few: at most twenty a second of each process, outside of the transactions that decide,
each telling all that was rung meanwhile. One that is missed costs nothing but time:
whoever could have missed one is woken for everything.
"""

import contextlib
import secrets
import threading
from collections.abc import Iterable

import msgspec
import psycopg

from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres import connection as connections
from quire.storage.postgres.session import Row
from quire.storage.postgres.target import Target

_CHANNEL = "quire_doorbell"
_LISTEN = f"LISTEN {_CHANNEL}"
_RING = f"SELECT pg_notify('{_CHANNEL}', %s)"
_APART = 0.05  # seconds between two notifications
_PAUSE = 0.25  # seconds before another try to connect
# Between two looks at whether it is to end.
_LOOK = 0.5
_LONGEST = 7000  # bytes; a payload is shorter than 8,000 (sql-notify)


class _Ring(msgspec.Struct, frozen=True, array_like=True):
    """A notification: from whom, and for which topics; None for too many to name."""

    sender: str
    topics: list[str] | None


class PostgresDoorbell:
    """A `quire.ports.doorbell.Doorbell` for all servers on one database.

    A ring is heard at once in this process, and within a tenth of a second in others.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._local = LocalDoorbell()
        self._sender = secrets.token_hex(4)
        self._closing = threading.Event()
        self._rung = threading.Condition()
        self._topics: set[str] = set()
        self._many = False
        self._listening = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"quire-bell-{name}", daemon=True)
            for name, work in (("out", self._send), ("in", self._listen))
        ]

    def start(self) -> None:
        """Begin to ring and to listen; returns once it hears, or soon if it cannot."""
        for thread in self._threads:
            thread.start()
        self._listening.wait(5.0)

    def close(self) -> None:
        """Ring for what is left, then let go; blocks, may be repeated."""
        self._closing.set()
        with self._rung:
            self._rung.notify_all()
        for thread in self._threads:
            thread.join()

    def ring(self, topics: Iterable[str]) -> None:
        """Wake all who wait for any of these topics; safe from any thread."""
        told = list(topics)
        self._local.ring(told)
        with self._rung:
            self._topics.update(told)
            self._rung.notify_all()

    def ticket(self, topic: str) -> int:
        """Return a number that changes with each ring of the topic."""
        return self._local.ticket(topic)

    async def wait(self, topic: str, ticket: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until the topic was rung since the ticket was taken.

        Parameters
        ----------
        timeout
            Seconds after which False is returned.
        """
        return await self._local.wait(topic, ticket, timeout)

    def _send(self) -> None:
        while not self._closing.is_set():
            with (
                contextlib.suppress(psycopg.Error),
                connections.open_bell(self._target, "rings") as connection,
            ):
                self._send_on(connection)
            # What was not sent is not known any more: others look at everything.
            self._many = True
            self._closing.wait(_PAUSE)

    def _send_on(self, connection: psycopg.Connection[Row]) -> None:
        while True:
            with self._rung:
                while not (self._topics or self._many or self._closing.is_set()):
                    self._rung.wait()
                topics, self._topics = self._topics, set()
                many, self._many = self._many, False
                ending = self._closing.is_set()
            # At the end also without a topic: that wakes our own listener.
            connection.execute(_RING, [_payload(self._sender, topics, many=many)])
            if ending:
                return
            self._closing.wait(_APART)

    def _listen(self) -> None:
        while not self._closing.is_set():
            with (
                contextlib.suppress(psycopg.Error),
                connections.open_bell(self._target, "doorbell") as connection,
            ):
                connection.execute(_LISTEN)
                # Whatever was rung before this is not told again.
                self._local.ring_all()
                self._listening.set()
                self._hear(connection)
            self._closing.wait(_PAUSE)

    def _hear(self, connection: psycopg.Connection[Row]) -> None:
        while not self._closing.is_set():
            for note in connection.notifies(timeout=_LOOK):
                self._take(note.payload)
                if self._closing.is_set():
                    return

    def _take(self, payload: str) -> None:
        try:
            ring = msgspec.json.decode(payload, type=_Ring)
        except msgspec.MsgspecError:
            self._local.ring_all()  # from a Quire that says it otherwise
            return
        if ring.sender == self._sender:
            return
        if ring.topics is None:
            self._local.ring_all()
        else:
            self._local.ring(ring.topics)


def _payload(sender: str, topics: set[str], *, many: bool) -> str:
    if not many:
        told = msgspec.json.encode(_Ring(sender, sorted(topics)))
        if len(told) <= _LONGEST:
            return told.decode()
    return msgspec.json.encode(_Ring(sender, None)).decode()
