"""Streams that are looked at again while they grow."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from quire.client.streams import Stream
from quire.client.tables import timestamps

_EVENTS = b"events"


class GrowingStream(Stream):
    """A stream whose rows are read once, and then those that came behind them.

    All of it is read anew after anything else: a row that came between others or takes
    the place of one, a further descriptor, a column of another type.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._tables: dict[Hashable, Any] = {}

    @property
    def nbytes(self) -> int:
        """How much memory the rows take that were read."""
        return sum(int(one.nbytes) for one in self._tables.values())

    def table(self, *variables: str, **query: Any) -> Any:
        """Return its rows, as `Stream.table` does."""
        fetch = partial(super().table, *variables, **query)
        if "limit" in query or "after" in query:
            return fetch()
        return self._read_on((variables, *sorted(query.items())), fetch)

    def timestamps(self, *variables: str) -> Any:
        """Return the times of single values, as `Stream.timestamps` does."""
        read = super().table

        def fetch(**query: Any) -> Any:
            found = read(*variables, assets=False, **query)
            return found.drop_columns(["data"])

        return timestamps(self._read_on(("timestamps", variables), fetch))

    def _read_on(self, asked: Hashable, fetch: Callable[..., Any]) -> Any:
        known = self._tables.get(asked)
        found = None if known is None else followed(known, fetch)
        self._tables[asked] = fetch() if found is None else found
        return self._tables[asked]


def followed(known: Any, fetch: Callable[..., Any]) -> Any:
    """Return a table with the rows behind it, None if there is more to it than these.

    Parameters
    ----------
    fetch
        Reads the rows ``after`` a sequence number.
    """
    import pyarrow as pa

    last = known.column("seq_num")[-1].as_py() if known.num_rows else -1
    if last < 0:
        return None
    more = fetch(after=last)
    if more.num_rows != _events(more) - _events(known):
        return None
    if not _without_events(more).equals(_without_events(known), check_metadata=True):
        return None
    # In one piece, arrays are views of it.
    joined = pa.concat_tables([known.replace_schema_metadata(), more])
    return joined.combine_chunks().replace_schema_metadata(more.schema.metadata)


def _events(table: Any) -> int:
    return int((table.schema.metadata or {}).get(_EVENTS, -1))


def _without_events(table: Any) -> Any:
    told = dict(table.schema.metadata or {})
    told.pop(_EVENTS, None)
    return table.schema.with_metadata(told)
