"""Data in files that a product links to instead of copying it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from quire.errors import QuireError
from quire.ports.run_reader import RunReader
from quire.products.projection.contents import Piece
from quire.products.projection.executing import Execution
from quire.products.projection.resolving import Linked, Resolved

LINKING = ("nexus",)
"""The formats that can link."""


class External(StrEnum):
    """What becomes of data that lies in files."""

    COPY = "copy"
    LINK = "link"


@dataclass(frozen=True, kw_only=True)
class Left:
    """What is not copied.

    Attributes
    ----------
    pieces
        Where the rows lie, by the entry's key.
    notes
        Why others are copied, by key.
    options
        What of it belongs to the product's identity.
    """

    pieces: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def tell(self, execution: Execution) -> None:
        """Have the rows left, and what is copied noted."""
        for key, pieces in self.pieces.items():
            execution.leave(key, pieces)
        for key, words in self.notes.items():
            execution.note(key, words)


Leaving = Callable[[Resolved, RunReader], Left]


def none_left(resolved: Resolved, reader: RunReader) -> Left:
    """Copy all."""
    del resolved, reader
    return Left()


def left_in_files(resolved: Resolved, reader: RunReader) -> Left:
    """Leave what lies in HDF5 datasets as it is wanted."""
    pieces: dict[str, tuple[Piece, ...]] = {}
    notes: dict[str, str] = {}
    for key, one in resolved.made.items():
        if not (isinstance(one, Linked) and one.external):
            continue
        try:
            pieces[key] = reader.pieces(one.variable.stream, one.field)
        except QuireError as problem:
            notes[key] = f"copied: {problem}"
    files = sorted(
        {(p.file, p.size, p.modified) for all_ in pieces.values() for p in all_}
    )
    return Left(
        pieces=pieces, notes=notes, options={"external": "link", "files": files}
    )
