"""What has become of the documents, counted, for whoever waits for them."""

import sys
import threading

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
    """

    sent: int = 0
    waiting: int = 0
    refused: int = 0
    lost: int = 0


class Tally:
    """Counts documents and lets others wait until none is waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sent = self._waiting = self._refused = self._lost = 0
        self._troubled = False
        self._said: set[str] = set()

    def accept(self, count: int = 1) -> None:
        """Count documents that now wait."""
        with self._changed:
            self._waiting += count

    def settle(self, *, sent: int, refused: int) -> None:
        """Count documents that no longer wait."""
        with self._changed:
            self._sent += sent
            self._refused += refused
            self._waiting -= sent + refused
            self._troubled = False
            self._changed.notify_all()

    def lose(self, *, accepted: bool = False) -> None:
        """Count a document that could be kept nowhere.

        Parameters
        ----------
        accepted
            It was counted as waiting already.
        """
        with self._changed:
            self._lost += 1
            self._waiting -= accepted
            self._changed.notify_all()

    def trouble(self, *, present: bool) -> None:
        """Say whether sending fails just now."""
        with self._changed:
            self._troubled = present
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
                lambda: self._waiting <= 0 or (self._troubled and not despite_trouble),
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

    def forget(self, once: str) -> None:
        """Let something be told again: it was mended in between."""
        self._said.discard(once)
