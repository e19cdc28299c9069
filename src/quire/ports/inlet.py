"""Inlets: where documents come from beside HTTP."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from quire.errors import QuireError
from quire.ports.inlet_records import InletPosition


class InletUnavailable(QuireError):
    """The source cannot be read now: to be tried again, from what was committed."""

    code = "inlet_unavailable"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that came, to be stored as a document or set aside.

    Attributes
    ----------
    place
        Where it stood: file and line, partition and offset; for people.
    line
        ``[name, document]`` or ``{"name": …, "doc": …}`` as one line of JSON without
        line breaks; empty where it cannot be brought into that form.
    fault
        Why not.
    raw
        What came, where it is not the line.
    digest
        SHA-256 of what came where `raw` is only the beginning of it.
    """

    place: str
    line: bytes = b""
    fault: str = ""
    raw: bytes = b""
    digest: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What came next, in the order of its source.

    Attributes
    ----------
    positions
        Where to go on once the items are stored.
    """

    items: tuple[Item, ...]
    positions: tuple[InletPosition, ...] = ()


class Inlet(Protocol):
    """Reads one source.

    Guarantees
    ----------
    - What `take` returns is in the order of its source, and all of it comes again
      after `begin` until `commit` was called, if the source keeps anything at all.
    - The source is told, and only by `commit`, what need not come again.
    - The event loop is never blocked, and `take` can be cancelled at any time.

    Attributes
    ----------
    source
        Where it reads, for people; without secrets.
    replays
        Whether the source gives again what was not committed.
    """

    source: str
    replays: bool

    async def begin(self, positions: Sequence[InletPosition]) -> None:
        """Begin, or begin anew, behind what was committed.

        Raises
        ------
        InletUnavailable
            The source cannot be reached.
        """
        ...

    async def take(self) -> Batch:
        """Wait until something has come, and return some of it.

        Raises
        ------
        InletUnavailable
            Nothing can be read now; `begin` comes before the next `take`.
        """
        ...

    async def commit(self, batch: Batch) -> None:
        """Take note that a batch, its positions included, is on our disk.

        Raises
        ------
        InletUnavailable
            The source could not be told; it may all come again.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the source; `begin` may follow."""
        ...

    def notes(self) -> tuple[str, ...]:
        """Return what people should know of the source, such as what it skips."""
        ...
