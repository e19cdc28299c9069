"""The catalog of runs, as a notebook wants it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from quire.client.connection import Connection
from quire.client.tables import dataset

PATH = "/api/v1/runs"
PAGE = 100


class Stream:
    """One stream of a run."""

    def __init__(self, connection: Connection, run: str, name: str) -> None:
        self._connection = connection
        self._path = f"{PATH}/{run}/streams/{quote(name, safe='')}"
        self.name = name

    def read(self, *variables: str) -> Any:
        """Return its rows as an ``xarray.Dataset`` along ``time``.

        Parameters
        ----------
        variables
            Data keys; all of them by default.

        Raises
        ------
        ImportError
            xarray is not installed.
        """
        return dataset(self.read_arrow(*variables))

    def read_arrow(self, *variables: str) -> bytes:
        """Return its rows as an Arrow IPC stream."""
        columns = ",".join(variables) or None
        with self._connection.stream(
            self._path, format="arrow", columns=columns
        ) as answer:
            return answer.read()

    def __repr__(self) -> str:
        return f"<Stream {self.name}>"


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
        """Its descriptors."""
        return list(self._whole()["descriptors"])

    @property
    def metadata(self) -> dict[str, Any]:
        """Start and stop document."""
        return {"start": self.start, "stop": self.stop}

    @property
    def streams(self) -> list[str]:
        """Names of its streams, sorted."""
        return sorted(self._record["streams"])

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the original documents in the order of a replay."""
        with self._connection.stream(f"{PATH}/{self.uid}/documents") as answer:
            for line in answer.iter_lines():
                if line:
                    name, document = parse(line)
                    yield name, document

    def refresh(self) -> "Run":
        """Ask the server how it stands now."""
        self._record = self._connection.get(f"{PATH}/{self.uid}", by="uid")
        return self

    def _whole(self) -> dict[str, Any]:
        # A page of runs tells only the summary; an open run still grows.
        if "start" not in self._record or self.status in ("open", "interrupted"):
            self.refresh()
        return self._record

    def __getitem__(self, name: str) -> Stream:
        if name not in self.streams and name not in self.refresh().streams:
            raise KeyError(f"no stream {name!r}; there are {', '.join(self.streams)}")
        return Stream(self._connection, self.uid, name)

    def __getattr__(self, name: str) -> Stream:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(str(error.args[0])) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.streams)

    def __repr__(self) -> str:
        record = self._record
        return (
            f"<Run {self.uid} scan {record['scan_id']} {record['plan_name']}"
            f" {self.status}, {record['events']} events>"
        )


class Catalog:
    """All runs that the principal may see, newest first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, which: str | int) -> Run:
        """Return a run by uid, unique prefix of 5 or more characters, or scan number.

        Of several runs with the same number the latest start wins; -1 is the newest
        run.

        Raises
        ------
        KeyError
            There is none.
        ValueError
            The prefix fits several, or is too short.
        """
        by = "scan_id" if isinstance(which, int) else None
        path = f"{PATH}/{quote(str(which), safe='')}"
        return Run(self._connection, self._connection.get(path, by=by))

    def __iter__(self) -> Iterator[Run]:
        return self._runs(PAGE)

    def recent(self, count: int = 10) -> list[Run]:
        """Return the newest runs, newest first."""
        page = self._connection.get(PATH, limit=count)
        return [Run(self._connection, record) for record in page["runs"]][:count]

    def _runs(self, page_size: int) -> Iterator[Run]:
        cursor: str | None = None
        while True:
            page = self._connection.get(PATH, limit=page_size, cursor=cursor)
            for record in page["runs"]:
                yield Run(self._connection, record)
            cursor = page["next"]
            if not cursor:
                return

    def __repr__(self) -> str:
        return f"<Catalog {self._connection.url}>"


def connect(url: str | None = None, token: str | None = None) -> Catalog:
    """Return the catalog of a server, by default of the local one.

    Raises
    ------
    NoServer, SeveralServers
        There is none, or more than one.
    """
    return Catalog(Connection(url, token))


def parse(line: str) -> Any:
    """Return a document's value; bare NaN and big integers are kept."""
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return json.loads(line)
