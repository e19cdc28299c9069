"""What a runner reads of a run."""

from collections.abc import Iterator
from typing import Any, Protocol

from quire.products.projection.contents import Piece
from quire.products.projection.facts import RunFacts, StreamFacts


class RunReader(Protocol):
    """Reads one run, rewinds resolved; blocking.

    Guarantees
    ----------
    Nothing is held of a stream but some blocks of rows.
    """

    def run(self) -> tuple[RunFacts, tuple[str, ...]]:
        """Return the run's documents without its streams, and these by name."""
        ...

    def stream(self, name: str) -> StreamFacts:
        """Return what is known of a stream: reads the uids of its events."""
        ...

    def pieces(self, name: str, field: str) -> tuple[Piece, ...]:
        """Return where the rows of a data key lie in HDF5 files.

        Raises
        ------
        QuireError
            They lie in events, or in files of which no dataset is these rows.
        """
        ...

    def rows(self, name: str, fields: tuple[str, ...], limit: int) -> Iterator[Any]:
        """Yield Arrow tables in the kept form (`quire.runs.columns.layout`).

        Data that lies in files is read from there.

        Parameters
        ----------
        limit
            At most so many rows.
        """
        ...

    def still(self, stream: StreamFacts) -> bool:
        """Return whether the rows of a stream are those that it was said to have.

        What has come behind them changes nothing; what took the place of one, or came
        in between, does.
        """
        ...
