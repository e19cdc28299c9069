"""A run as bluesky-tiled-plugins reads it: a container of streams."""

from typing import Any

from tiled.server.core import NoEntry  # type: ignore[import-untyped]

from quire.tiled.branch import Branch
from quire.tiled.names import addressed
from quire.tiled.refusing import asked
from quire.tiled.source import Source
from quire.tiled.stream import StreamAdapter


class RunAdapter(Branch):
    """One run.

    Parameters
    ----------
    record
        As the server tells it, with start and stop document at least.
    """

    def __init__(self, source: Source, record: dict[str, Any]) -> None:
        start = record["start"] or {"uid": record["uid"], "time": record["time"] or 0}
        told = {"start": start, "stop": record["stop"], "status": record["status"]}
        super().__init__(told, ("BlueskyRun", "3.0"))
        self._source = source
        self._record = record
        calls = addressed(record["streams"])
        self._streams = {called: name for name, called in calls.items()}

    async def all_names(self) -> list[str]:
        """Return the names of its streams."""
        return sorted(self._streams)

    async def lookup_adapter(self, segments: list[str]) -> Any:
        """Return a stream, or what lies below it.

        Raises
        ------
        NoEntry
            There is no such stream.
        """
        name, *rest = segments
        if name not in self._streams:
            raise NoEntry(segments)
        columns = await asked(
            self._source.columns, self._record, self._streams[name], begins=not rest
        )
        stream = StreamAdapter(columns)
        return await stream.lookup_adapter(rest) if rest else stream

    def documents(self) -> Any:
        """Yield its documents, each as a JSON pair of name and document."""
        return self._source.documents(self._record["uid"])

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        """Return what tells one state of it from another, for the ETag."""
        record = self._record
        return ("quire", record["uid"], record["documents"], record["status"])
