"""The thread that brings spooled documents to the server."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from urllib.parse import quote

from quire.client.adoption import Adoption, Left
from quire.client.backoff import Backoff
from quire.client.connection import Connection
from quire.client.delivery import Told, deliver
from quire.client.errors import RefusedConflict, RefusedLookup, RefusedRight
from quire.client.fork_gate import ForkGate
from quire.client.overflow import Overflow
from quire.client.refusals import Refusals
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
        self._adoption = Adoption(spool, tally)
        self._refusals = Refusals(spool)
        self._backoff = Backoff()
        self._left: list[Left] | None = None
        self._heir: Sender | None = None
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="quire writer", daemon=True
        )

    def start(self) -> None:
        """Adopt what dead processes have left, and begin to send."""
        self._adoption.look()
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
        if not self._thread.is_alive():
            return True
        # A request hangs, and what is in memory may end with the process.
        self._keep_spare()
        return False

    def bequeath(self, heir: "Sender") -> None:
        """Leave what is unsent in the end, counted as it is, to the next sender."""
        with self._guard:
            self._heir = heir
            left = self._left
        if left is not None:
            heir.inherit(left)

    def inherit(self, left: list[Left]) -> None:
        """Send what a former sender of this process has left, or leave it as well."""
        with self._guard:
            heir = self._heir
            if self._left is not None:
                self._left += left
            else:
                self._adoption.inherit(left)
                self.wake()
                return
        if heir is not None:
            heir.inherit(left)

    def abandon(self) -> None:
        """Let go of what is the parent's, in a child of a fork."""
        for one in (self._section, self._adoption):
            with suppress(OSError):
                one.abandon()

    def _run(self) -> None:
        renewal = time.monotonic() + LEASE_SECONDS
        while not self._ending.is_set():
            try:
                if time.monotonic() >= renewal:
                    renewal = time.monotonic() + LEASE_SECONDS
                    self._refusals.write()
                    self._adoption.look()
                    self._renew_leases()
                self._wake.clear()
                while time.monotonic() < renewal and self._send_some():
                    if self._ending.is_set():
                        break
                if self._wake.wait(max(0.0, renewal - time.monotonic())):
                    self._ending.wait(_GATHER_SECONDS)
            except Exception as error:  # noqa: BLE001 - this thread must outlive it
                self._recover(error)
        self._release()

    def _send_some(self) -> bool:
        """Send one batch of each source; return whether there was any.

        Raises
        ------
        OSError
            The disk fails one of them; the others have had their turn.
        """
        with suppress(OSError):
            self._section.prepare()
        some = False
        trouble: OSError | None = None
        for source in (self._section.batch, self._spare, self._adoption.batch):
            try:
                if found := source(BATCH):
                    self._send(*found)
                    some = True
            except OSError as error:
                trouble = trouble or error
        if trouble is not None:
            raise trouble
        if some:
            self._be_well()
        return some

    def _spare(self, limit: int) -> tuple[Overflow, bytes] | None:
        batch = self._overflow.batch(limit)
        return (self._overflow, batch) if batch else None

    def _send(self, source: Acknowledging, batch: bytes) -> None:
        told = deliver(self._connected(), batch)
        self._keep_refused(told)
        source.acknowledge(len(batch))
        self._tally.settle(sent=told.stored, refused=len(told.refused))

    def _keep_refused(self, told: Told) -> None:
        if not told.refused:
            return
        kept = self._refusals.keep(told.refused)
        more = len(told.refused) - 1
        self._tally.tell(
            f"the server refused {told.refused[0]}"
            + (f", and {more} more" if more else "")
            + ("; kept in" if kept else "; in memory until there is room for it in")
            + f" {self._spool.refused}"
        )

    def _renew_leases(self) -> None:
        for uid in self._open_runs():
            try:
                path = f"/api/v1/runs/{quote(uid, safe='')}/lease"
                self._connected().ask("PUT", path)
            except (RefusedLookup, RefusedRight, RefusedConflict):
                continue  # still on the way, or not ours to keep open
            self._be_well()

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
        self._tally.trouble(words)
        self._keep_spare()
        self._ending.wait(self._backoff.next())
        if self._connection is not None and isinstance(error, QuireError):
            self._find_again(self._connection)

    def _find_again(self, connection: Connection) -> None:
        # None runs now; the old address may come back.
        with suppress(QuireError), self._gate:
            connection.find_again()

    def _be_well(self) -> None:
        self._backoff.reset()
        self._tally.trouble("")
        if self._tally.forget(_TROUBLE):
            waiting = self._tally.status.waiting
            self._tally.tell(f"the server takes documents again, {waiting} wait")

    def _keep_spare(self) -> None:
        """Spool what is in memory, where the disk has room for it again."""
        self._refusals.write()
        with suppress(OSError):
            self._overflow.move(self._section.append)

    def _release(self) -> None:
        self._keep_spare()
        if lost := self._overflow.clear():
            self._tally.lose(lost, accepted=True)
            self._tally.tell(
                f"{lost} documents are lost: they were in memory, as"
                f" {self._spool.folder} takes none"
            )
        if lost := self._refusals.clear():
            self._tally.lose(lost)
            self._tally.tell(
                f"{lost} documents are lost: the server refused them, and"
                f" {self._spool.folder} takes none"
            )
        left = self._adoption.left()
        with suppress(OSError):
            left.append((self._section.folder, self._section.lines_left()))
        self._adoption.close()
        self._section.close()
        with self._guard:
            self._left, heir = left, self._heir
        if heir is not None:
            heir.inherit(left)
        if self._connection is not None:
            self._connection.close()
