"""What has become of the documents, counted, for whoever waits for them."""

import sys
import threading
import time

import msgspec


class WriterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How many documents stand where.

    Attributes
    ----------
    sent
        The server has them on disk.
    waiting
        Spooled and not yet answered, those that dead processes left included.
    refused
        Kept in the spool's ``refused`` folder with the reason.
    lost
        Neither spooled nor sent: the disk was full, and then the memory for it.
    trouble
        Why sending fails just now, empty while it does not.
    since
        Unix seconds since when it fails.
    """

    sent: int = 0
    waiting: int = 0
    refused: int = 0
    lost: int = 0
    trouble: str = ""
    since: float | None = None


class Tally:
    """Counts documents and lets others wait until none is waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sent = self._waiting = self._refused = self._lost = 0
        self._trouble = ""
        self._since: float | None = None
        self._said: set[str] = set()

    def accept(self, count: int = 1) -> None:
        """Count documents that now wait; fewer than none wait elsewhere from now on."""
        with self._changed:
            self._waiting += count
            if count < 0:
                self._changed.notify_all()

    def settle(self, *, sent: int, refused: int) -> None:
        """Count documents that no longer wait."""
        with self._changed:
            self._sent += sent
            self._refused += refused
            self._waiting -= sent + refused
            self._changed.notify_all()

    def lose(self, count: int = 1, *, accepted: bool = False) -> None:
        """Count documents that could be kept nowhere.

        Parameters
        ----------
        accepted
            They were counted as waiting already.
        """
        with self._changed:
            self._lost += count
            self._waiting -= count * accepted
            self._changed.notify_all()

    def trouble(self, words: str) -> None:
        """Say why sending fails just now; empty words say that it does not."""
        with self._changed:
            if not (words and self._trouble):
                self._since = time.time() if words else None
            self._trouble = words
            self._changed.notify_all()

    @property
    def status(self) -> WriterStatus:
        """The counts."""
        with self._changed:
            return WriterStatus(
                sent=self._sent,
                waiting=self._waiting,
                refused=self._refused,
                lost=self._lost,
                trouble=self._trouble,
                since=self._since,
            )

    def wait(self, timeout: float | None, *, despite_trouble: bool = True) -> bool:
        """Return whether nothing waits any more, after `timeout` seconds at most.

        Parameters
        ----------
        despite_trouble
            Wait on while the server is down; else give up at once.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._waiting <= 0 or bool(self._trouble and not despite_trouble)
                ),
                timeout,
            )
            return self._waiting <= 0

    def tell(self, words: str, *, once: str = "") -> None:
        """Say something on stderr; with a key in `once` only the first time."""
        if once:
            if once in self._said:
                return
            self._said.add(once)
        try:
            sys.stderr.write(f"quire: {words}\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            return  # nobody listens: a closed terminal is no reason to fail a plan

    def forget(self, once: str) -> bool:
        """Let something be told again, mended in between; return whether it was."""
        told = once in self._said
        self._said.discard(once)
        return told
