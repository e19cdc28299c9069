"""How bytes come into a workspace, and how products leave it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from quire.errors import QuireError
from quire.products.receivers import Receiver

Proceed = Callable[[int], None]
"""Told how many more bytes are there, often; raises to stop."""


class TransferProblem(QuireError):
    """A place that cannot be read from or written to, until a person mends it.

    Parameters
    ----------
    place
        A source's location, or a receiver.
    """

    code = "transfer_problem"

    def __init__(self, place: str, reason: str, mend: str) -> None:
        self.place = place
        self.reason = reason
        self.mend = mend
        super().__init__(f"{place}: {reason} ({mend})")


class NotReached(TransferProblem):
    """A place that does not answer, or not in full; it may later."""

    code = "not_reached"


class SourceChanging(TransferProblem):
    """A source that somebody has written to while it was fetched: it may be torn."""


class ReceiverFull(TransferProblem):
    """A receiver without space; it may have some later."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is here.

    Attributes
    ----------
    stamp
        What the source was like while it was fetched: another one when somebody has
        written to it since.
    linked
        Whether it is the source's own file under another name: never to be written.
    shared
        Whether it shares blocks with the source, which no writing can change.
    """

    stamp: str
    linked: bool = False
    shared: bool = False


class Transfer(Protocol):
    """Brings sources here.

    Guarantees
    ----------
    - A source is never written to, nor is anything that shares its inode.
    - What was not finished is gone on with by the next `fetch` to the same path, if
      the source has not changed since.
    """

    def takes(self, location: str) -> bool:
        """Return whether the settings let it fetch from there; asks nobody."""
        ...

    def host(self, location: str) -> str:
        """Return the resource that fetching uses up, empty for this machine."""
        ...

    def stamp(self, location: str) -> str:
        """Return what the source is like now.

        Raises
        ------
        TransferProblem
            It is not there, or not to be had.
        """
        ...

    def size(self, location: str) -> int:
        """Return the bytes of the source as far as that is told at once, else 0.

        Raises
        ------
        TransferProblem
            It is not there, or not to be had.
        """
        ...

    def fetch(
        self, location: str, path: Path, *, private: bool, proceed: Proceed
    ) -> Fetched:
        """Bring a source to a path on this machine; blocks.

        Parameters
        ----------
        private
            Whether the file may be written to afterwards: never a hard link.

        Raises
        ------
        TransferProblem
            It is not there or not to be had.
        SourceChanging
            It changed meanwhile.
        OSError
            The disk here refused.
        """
        ...


class Delivery(Protocol):
    """Hands products on.

    Guarantees
    ----------
    - A receiver sees the product whole or not at all, where the protocol allows it.
    - Handing the same product on twice is harmless.
    """

    def takes(self, receiver: Receiver) -> bool:
        """Return whether the settings let it deliver there; asks nobody."""
        ...

    def host(self, receiver: Receiver) -> str:
        """Return the resource that delivering uses up, empty for this machine."""
        ...

    def deliver(
        self, receiver: Receiver, product: Path, name: str, *, proceed: Proceed
    ) -> None:
        """Hand a product on under its archive name; blocks.

        Raises
        ------
        TransferProblem
            The receiver refuses.
        ReceiverFull
            It has no space.
        """
        ...


class Marks(Protocol):
    """What of a job has been done for good, beyond its attempts.

    Guarantees
    ----------
    - What a mark vouches for is on disk before it is made.
    """

    def find(self, name: str) -> bytes | None:
        """Return what a mark says, None if there is none."""
        ...

    def put(self, name: str, content: bytes, says: str) -> None:
        """Make a mark; durable when it returns.

        Parameters
        ----------
        says
            What has been done, for people.
        """
        ...

    def remove(self, name: str) -> None:
        """Take a mark back."""
        ...
