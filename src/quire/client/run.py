"""One run, as a notebook wants it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from quire.client.connection import Connection
from quire.client.replay import decode_msgpack
from quire.client.streams import Stream

PATH = "/api/v1/runs"


class Run:
    """One run, as the server tells it when it is first looked at."""

    def __init__(self, connection: Connection, record: dict[str, Any]) -> None:
        self._connection = connection
        self._record = record

    @property
    def uid(self) -> str:
        """Its uid, which is its operation's id too."""
        return str(self._record["uid"])

    @property
    def status(self) -> str:
        """``open``, ``interrupted``, ``success``, ``abort`` or ``fail``."""
        return str(self._record["status"])

    @property
    def scan_id(self) -> int | None:
        """Its scan number, if it has one."""
        number: int | None = self._record["scan_id"]
        return number

    @property
    def start(self) -> dict[str, Any]:
        """Its start document, empty until that has come."""
        return self._whole()["start"] or {}

    @property
    def stop(self) -> dict[str, Any] | None:
        """Its stop document; None while it is open."""
        return self._whole()["stop"] or None

    @property
    def descriptors(self) -> list[dict[str, Any]]:
        """Its descriptors, in the order of a replay."""
        return [document for _, document in self._documents("descriptor")]

    @property
    def metadata(self) -> dict[str, Any]:
        """Start and stop document."""
        return {"start": self.start, "stop": self.stop}

    @property
    def streams(self) -> list[str]:
        """Names of its streams, sorted."""
        return sorted(self._record["streams"])

    def documents(self, *, fill: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the original documents in the order of a replay.

        Parameters
        ----------
        fill
            Taken for notebooks that say that they want none of the data in files.

        Raises
        ------
        ValueError
            `fill` is set: no original holds that data.
        """
        if fill:
            words = "documents come as they were sent; read a stream for data in files"
            raise ValueError(words)
        return self._documents()

    def _documents(self, *names: str) -> Iterator[tuple[str, dict[str, Any]]]:
        # MessagePack: JSON readers lose integers beyond 64 bits, or are slow.
        asked = {"format": "msgpack", "name": list(names) or None}
        path = f"{self._path}/documents"
        with self._connection.stream(path, **asked) as answer:
            yield from decode_msgpack(answer.iter_bytes())

    def project(self, name: str = "", **more: Any) -> Any:
        """Return a projection as a dataset; see `quire.client.projecting.projected`.

        Parameters
        ----------
        name
            Of the projection; empty for the only one, ``*`` for all of them.
        """
        from quire.client.projecting import projected

        return projected(self._connection, self.uid, name, **more)

    def refresh(self) -> "Run":
        """Ask the server how it stands now."""
        self._record = _record(self._connection, self.uid, by="uid")
        return self

    @property
    def _path(self) -> str:
        return f"{PATH}/{quote(self.uid, safe='')}"

    def _whole(self) -> dict[str, Any]:
        # A page of runs tells only the summary; an open run still grows.
        if "start" not in self._record or self.status in ("open", "interrupted"):
            self.refresh()
        return self._record

    def __getitem__(self, name: str | tuple[str, str]) -> Any:
        """Return a stream, or one data key of it: ``run["primary", "det"]``.

        Raises
        ------
        KeyError
            There is no such stream, or it has no such data key.
        """
        if isinstance(name, tuple):
            stream, key = name
            return self._stream(stream)[key]
        stream, slash, key = name.rpartition("/")  # streams alone may have one
        if slash and name not in self.streams:
            return self._stream(stream)[key]
        return self._stream(name)

    def __getattr__(self, name: str) -> Stream:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._stream(name)
        except KeyError as error:
            raise AttributeError(str(error.args[0])) from None

    def __dir__(self) -> list[str]:
        # For completion in notebooks.
        return [*super().__dir__(), *filter(str.isidentifier, self.streams)]

    def _ipython_key_completions_(self) -> list[str]:
        return self.streams

    def _stream(self, name: str) -> Stream:
        if name not in self.streams and name not in self.refresh().streams:
            known = ", ".join(self.streams) or "none yet"
            raise KeyError(f"no stream {name!r}; there are {known}")
        return Stream(self._connection, self._path, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.streams)

    def __repr__(self) -> str:
        record = self._record
        return (
            f"<Run {self.uid} scan {record['scan_id']} {record['plan_name']}"
            f" {self.status}, {record['events']} events>"
        )


def run_at(connection: Connection, which: str, by: str | None = None) -> Run:
    """Return the run of a name.

    Parameters
    ----------
    by
        ``uid`` or ``scan_id``, where either could be meant.

    Raises
    ------
    Refused
        There is none, or there are several.
    """
    return Run(connection, _record(connection, which, by=by))


def _record(connection: Connection, which: str, by: str | None) -> dict[str, Any]:
    path = f"{PATH}/{quote(which, safe='')}"
    found: dict[str, Any] = connection.get(path, by=by, exact="true")
    return found
