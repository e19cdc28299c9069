"""Product formats: one file a format, all told the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from quire.products.projection.contents import Block, Contents, Scalar, Variable


class Sheet(Protocol):
    """A product that is being written."""

    def write(self, block: Block) -> None:
        """Write rows; those of a stream come one block behind the other.

        Raises
        ------
        quire.products.projection.executing.EntryLost
            What a variable holds turned out to be more than the format can.
        """
        ...

    def finish(self, reduced: Sequence[Scalar]) -> None:
        """Write the values that were known last, and close the file."""
        ...

    def abandon(self) -> None:
        """Close whatever is open; the file is of no use."""
        ...


class ProductWriter(Protocol):
    """One format.

    Guarantees
    ----------
    - The same calls give the same bytes, at any time and place.
    - What it does not refuse reads back as it was: values, types, shapes, units,
      Unicode, NaN and gaps.
    - All methods block; nothing is fsynced.
    """

    @property
    def format(self) -> str:
        """Its name, as clients give it."""
        ...

    @property
    def suffix(self) -> tuple[str, str]:
        """What its files' names end in, with the dot, and their media type."""
        ...

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what writes it."""
        ...

    def refusal(self, one: Variable | Scalar, contents: Contents) -> str:
        """Return why the format does not hold something; empty if it does."""
        ...

    def create(self, path: Path, contents: Contents) -> Sheet:
        """Begin a file; it must not exist."""
        ...
