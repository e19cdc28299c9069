"""Column views in files: one a stream of a closed run, stretches of an open one."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from quire.runs.columns.layout import ColumnView
from quire.runs.columns.selection import Selection
from quire.runs.columns.stretch import Stretch


class ColumnFile(Protocol):
    """One stream's columns, as they were when the run had so many documents."""

    @property
    def schema(self) -> Any:
        """The Arrow schema in the kept form (`quire.runs.columns.layout`)."""
        ...

    @property
    def events(self) -> int:
        """How many rows it has, superseded ones among them."""
        ...

    def read(self, selection: Selection) -> Iterator[Any]:
        """Yield Arrow tables in the kept form that hold at least the wanted part.

        Only the wanted columns are read, and rows only from where they begin.
        """
        ...


class ColumnFiles(Protocol):
    """The files; each can be deleted at any time, and made again.

    Guarantees
    ----------
    - A file appears whole or not at all, also when the power fails.
    - A file that cannot be read is as good as none.
    - All methods block; one caller at a time writes.
    """

    def find(self, run: str, stream: str, documents: int) -> ColumnFile | None:
        """Return a stream's file if it is of so many documents of the run."""
        ...

    def write(self, run: str, stream: str, documents: int, view: ColumnView) -> None:
        """Keep a stream's columns in place of what was kept of it, stretches too.

        Raises
        ------
        OSError
            It could not be written; nothing has changed.
        """
        ...

    def stretches(self, run: str, stream: str) -> Sequence[Stretch]:
        """Return the stretches of a stream, each beginning where the last one ends."""
        ...

    def add(self, run: str, stream: str, place: int, stretch: Stretch) -> None:
        """Keep a stretch; `place` tells how many stand before it.

        Raises
        ------
        OSError
            It could not be written; nothing has changed.
        """
        ...

    def remove(self, run: str) -> None:
        """Delete all files of a run."""
        ...
