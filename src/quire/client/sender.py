"""The thread that brings spooled documents to the server."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from quire.client.backoff import Backoff
from quire.client.connection import Connection
from quire.client.delivery import Told, deliver
from quire.client.errors import RefusedConflict, RefusedLookup, RefusedRight
from quire.client.fork_gate import ForkGate
from quire.client.overflow import Overflow
from quire.client.section import Section
from quire.client.spool import Spool
from quire.client.tally import Tally
from quire.errors import QuireError

BATCH = 2 * 2**20
LEASE_SECONDS = 30.0
# A plan often says more at once. It shares the interpreter with us and the disk with
# the server, and a short one is over before we hinder it.
_GATHER_SECONDS = 0.005
_TROUBLE = "trouble"


class Acknowledging(Protocol):
    """Where a batch came from."""

    def acknowledge(self, length: int) -> None:
        """Take it that so many further bytes have arrived."""
        ...


class Sender:
    """Sends what waits: after a moment the first, then what gathers meanwhile.

    Parameters
    ----------
    section
        This process's own.
    open_runs
        Tells the uids whose leases are to be renewed.
    connect
        Finds the server.
    """

    def __init__(
        self,
        spool: Spool,
        section: Section,
        *,
        overflow: Overflow,
        tally: Tally,
        open_runs: Callable[[], tuple[str, ...]],
        connect: Callable[[], Connection],
    ) -> None:
        self._spool = spool
        self._section = section
        self._overflow = overflow
        self._tally = tally
        self._open_runs = open_runs
        self._connect = connect
        self._connection: Connection | None = None
        self._gate = ForkGate()
        self._adopted: list[Section] = []
        self._backoff = Backoff()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="quire writer", daemon=True
        )

    def start(self) -> None:
        """Adopt what dead processes have left, and begin to send."""
        self._adopt()
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to send."""
        if not self._wake.is_set():
            self._wake.set()

    def end(self, timeout: float) -> bool:
        """Stop; return whether the thread has ended, within `timeout` seconds."""
        self._ending.set()
        self._wake.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        renewal = time.monotonic() + LEASE_SECONDS
        while not self._ending.is_set():
            try:
                if time.monotonic() >= renewal:
                    renewal = time.monotonic() + LEASE_SECONDS
                    self._adopt()
                    self._renew_leases()
                self._wake.clear()
                while self._send_some() and not self._ending.is_set():
                    pass
                if self._wake.wait(max(0.0, renewal - time.monotonic())):
                    self._ending.wait(_GATHER_SECONDS)
            except Exception as error:  # noqa: BLE001 - this thread must outlive it
                self._recover(error)
        self._release()

    def _send_some(self) -> bool:
        """Send one batch of each source; return whether there was any."""
        with suppress(OSError):
            self._section.prepare()
        own = self._section.batch(BATCH)
        spare = self._overflow.batch(BATCH)
        if own:
            self._send(own[0], own[1])
        if spare:
            self._send(self._overflow, spare)
        return self._send_adopted() or bool(own or spare)

    def _send_adopted(self) -> bool:
        if not self._adopted:
            return False
        batch = self._adopted[0].batch(BATCH)
        if batch is None:
            self._adopted.pop(0).close()
        else:
            self._send(batch[0], batch[1])
        return True

    def _send(self, source: Acknowledging, batch: bytes) -> None:
        told = deliver(self._connected(), batch)
        self._keep_refused(told)
        source.acknowledge(len(batch))
        self._backoff.reset()
        self._tally.forget(_TROUBLE)
        self._tally.settle(sent=told.stored, refused=len(told.refused))

    def _keep_refused(self, told: Told) -> None:
        if not told.refused:
            return
        for refusal in told.refused:
            self._spool.keep_refused(refusal)
        more = len(told.refused) - 1
        self._tally.tell(
            f"the server refused {told.refused[0]}"
            + (f", and {more} more" if more else "")
            + f"; kept in {self._spool.refused}"
        )

    def _adopt(self) -> None:
        with suppress(OSError):
            for section in self._spool.abandoned():
                self._tally.accept(section.lines_left())
                self._adopted.append(section)

    def _renew_leases(self) -> None:
        for uid in self._open_runs():
            try:
                self._connected().ask("PUT", f"/api/v1/runs/{uid}/lease")
            except (RefusedLookup, RefusedRight, RefusedConflict):
                continue  # still on the way, or not ours to keep open

    def _connected(self) -> Connection:
        if self._connection is None:
            with self._gate:
                self._connection = self._connect()
        return self._connection

    def _recover(self, error: Exception) -> None:
        expected = isinstance(error, (QuireError, OSError))
        words = str(error) if expected else f"{type(error).__name__}: {error}"
        self._tally.tell(
            f"documents wait in {self._spool.folder}: {words}", once=_TROUBLE
        )
        self._tally.trouble(present=True)
        self._ending.wait(self._backoff.next())
        if self._connection is not None and isinstance(error, QuireError):
            self._find_again(self._connection)

    def _find_again(self, connection: Connection) -> None:
        # None runs now; the old address may come back.
        with suppress(QuireError), self._gate:
            connection.find_again()

    def _release(self) -> None:
        for section in (self._section, *self._adopted):
            section.close()
        if self._connection is not None:
            self._connection.close()
