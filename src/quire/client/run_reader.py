"""`quire.ports.run_reader.RunReader` over HTTP, and from files where they lie here."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import quote

from quire.client.arrays import FileArray
from quire.client.connection import Connection
from quire.client.errors import RefusedInput
from quire.client.fetching import fetched
from quire.client.file_rows import FileRows
from quire.client.small_run import MOST_BYTES, SmallRun, is_small
from quire.errors import InputError
from quire.ports.column_files import ColumnFile, ColumnFiles
from quire.products.projection.contents import Piece
from quire.products.projection.facts import RunFacts, StreamFacts
from quire.runs.columns.configuration import Configuration, is_external
from quire.runs.columns.layout import DATA, from_metadata
from quire.runs.columns.selection import Selection, select

_PATH = "/api/v1/runs"
# Digits that always fit into 64 bits.
_DIGITS = 18


class RunOverHttp:
    """Reads one run.

    Parameters
    ----------
    files
        Where the column files of closed runs lie on this machine, if they do.
    whole
        Whether a small run is read whole, in one request.
    """

    def __init__(
        self,
        connection: Connection,
        uid: str,
        files: ColumnFiles | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self._may_be_whole = whole
        self._connection = connection
        self._uid = uid
        self._path = f"{_PATH}/{quote(uid, safe='')}"
        self._files = files
        self._record: dict[str, Any] = {}
        self._small: SmallRun | None = None
        self._found: dict[str, ColumnFile | None] = {}
        self._external: dict[str, set[str]] = {}
        self._arrays: dict[str, FileRows] = {}

    def run(self) -> tuple[RunFacts, tuple[str, ...]]:
        """Return the run's documents without its streams, and these by name."""
        record = self._record = self._told()
        whole = self._may_be_whole and is_small(record)
        self._small = self._whole() if whole else None
        start = record["start"] or {}
        facts = RunFacts(
            uid=record["uid"],
            start=self._original(start) if _may_differ(start) else start,
            stop=record["stop"] or None,
            documents=record["documents"],
        )
        return facts, tuple(sorted(record["streams"]))

    def stream(self, name: str) -> StreamFacts:
        """Return what is known of a stream: reads the uids of its events."""
        schema, configuration = self._look(name)
        columns = {
            field.name.removeprefix(DATA): field
            for field in schema
            if field.name.startswith(DATA)
        }
        unreadable: dict[str, str] = {}
        self._external[name] = _external(configuration, columns)
        for key in self._external[name]:
            columns.pop(key, None)
            try:
                columns[key] = self._field_in_files(name, key)
            except RefusedInput as problem:
                unreadable[key] = str(problem)
        rows, digest = self._counted(name)
        if not rows and columns.keys() & self._external[name]:
            rows = self._by_files(name, columns)
            digest = f"{digest} {rows}"
        if self._external[name]:
            # What documents say of files stands in no event.
            digest = f"{digest} {self._record['documents']}"
        return StreamFacts(
            name=name,
            rows=rows,
            descriptors=configuration.descriptors,
            columns=columns,
            unreadable=unreadable,
            digest=digest,
        )

    def pieces(self, name: str, field: str) -> tuple[Piece, ...]:
        """Return where the rows of a data key lie in HDF5 files.

        Raises
        ------
        QuireError
            They lie in events, or in files of which no dataset is these rows.
        """
        if field not in self._external.get(name, ()):
            raise InputError(field, "its data lies in no file")
        path = f"{self._path}/streams/{quote(name, safe='')}/arrays/{quote(field, safe='')}"
        array = FileArray(self._connection, path)
        if array.missing:
            raise InputError(field, f"lacks {array.missing}")
        numbers = array.seq_num
        told = self._connection.get(path, format="sources")["sources"]
        return tuple(piece for one in told for piece in _pieces(one, numbers))

    def rows(self, name: str, fields: tuple[str, ...], limit: int) -> Iterator[Any]:
        """Yield Arrow tables in the kept form."""
        if limit <= 0:
            return
        if name in self._arrays:
            yield from self._arrays[name].rows(fields)
            return
        wanted = Selection(columns=fields, timestamps=False, limit=limit)
        file = self._file(name)
        if file is not None and self._external[name].isdisjoint(fields):
            yield from select(file.read(wanted), wanted)
            return
        for _, table in self._tables(name, columns=json.dumps(fields), limit=limit):
            if table.num_rows:
                yield table

    def still(self, stream: StreamFacts) -> bool:
        """Return whether the rows of a stream are those that it was said to have."""
        name = stream.name
        if not stream.rows or name in self._arrays or self._file(name) is not None:
            return True  # read whole, or from a file that nothing changes
        if self._told()["documents"] == self._record["documents"]:
            return True
        _, digest = self._counted(name, stream.rows)
        return digest == stream.digest.split()[0]

    def _original(self, start: dict[str, Any]) -> dict[str, Any]:
        """Return the start document as it was sent."""
        if self._small is not None:
            return self._small.start(start.get("uid")) or start
        query = {"name": "start", "order": "received", "format": "ndjson"}
        with fetched(self._connection, f"{self._path}/documents", query) as answer:
            for line in answer:
                found: dict[str, Any] = json.loads(line)[1]
                if found.get("uid") == start.get("uid"):
                    return found
        return start

    def _told(self) -> dict[str, Any]:
        """Return what the server says of the run in short."""
        told = self._connection.get_bytes(self._path, most=MOST_BYTES, by="uid")
        if told is None:
            told_at_length: dict[str, Any] = self._connection.get(self._path, by="uid")
            return told_at_length
        record: dict[str, Any] = json.loads(told)
        return record

    def _whole(self) -> SmallRun | None:
        """Return the run's documents; None where they are too many bytes."""
        told = self._connection.get_bytes(
            f"{self._path}/documents",
            most=MOST_BYTES,
            by="uid",
            order="received",
            format="ndjson",
        )
        return None if told is None else SmallRun(told.splitlines())

    def _by_files(self, name: str, columns: Mapping[str, Any]) -> int:
        """Have a stream without events read by the rows of its files; count them."""
        path = f"{self._path}/streams/{quote(name, safe='')}/arrays"
        found = {
            key: FileArray(self._connection, f"{path}/{quote(key, safe='')}")
            for key in columns.keys() & self._external[name]
        }
        self._arrays[name] = FileRows(found, columns)
        return len(self._arrays[name].seq_num)

    def _look(self, name: str) -> tuple[Any, Configuration]:
        file = self._file(name)
        if file is not None:
            return file.schema, from_metadata(file.schema)[0]
        told, table = next(self._tables(name, assets="false", limit=1))
        return table.schema, Configuration(descriptors=tuple(told))

    def _field_in_files(self, name: str, key: str) -> Any:
        _, table = next(self._tables(name, columns=json.dumps([key]), limit=1))
        return table.schema.field(DATA + key)

    def _counted(self, name: str, limit: int | None = None) -> tuple[int, str]:
        digest, rows = UidDigest(), 0
        first = {} if limit is None else {"limit": limit}
        wanted = Selection(columns=(), timestamps=False, uids=True)
        file = self._file(name)
        tables = (
            select(file.read(wanted), wanted)
            if file is not None
            else (
                table
                for _, table in self._tables(name, columns="[]", uids="true", **first)
            )
        )
        for table in tables:
            rows += table.num_rows
            for chunk in table.column("uid").chunks:
                digest.update(chunk)
        return rows, digest.hexdigest()

    def _file(self, name: str) -> ColumnFile | None:
        if self._small is not None:
            return self._small.stream(name)
        if self._files is None or not self._record.get("stop"):
            return None
        if name not in self._found:
            documents = int(self._record["documents"])
            self._found[name] = self._files.find(self._uid, name, documents)
        return self._found[name]

    def _tables(
        self, name: str, **query: Any
    ) -> Iterator[tuple[list[dict[str, Any]], Any]]:
        """Yield what the descriptors say, and a table; one without rows at the least."""
        import pyarrow as pa

        asked = {"format": "arrow", "timestamps": "false", **query}
        path = f"{self._path}/streams/{quote(name, safe='')}"
        with fetched(self._connection, path, asked) as answer:
            stream = pa.ipc.open_stream(answer)
            told = json.loads(
                (stream.schema.metadata or {}).get(b"configuration", b"[]")
            )
            yield told, _kept(stream.schema.empty_table())
            for batch in stream:
                yield told, _kept(pa.Table.from_batches([batch]))


def _may_differ(value: Any) -> bool:
    """Return whether the server's record may differ from what was sent.

    It tells what JSON has no number for as null, and great integers as text.
    """
    match value:
        case None:
            return True
        case str():
            return len(value) > _DIGITS and value.lstrip("-").isdigit()
        case dict():
            return any(map(_may_differ, value.values()))
        case list():
            return any(map(_may_differ, value))
    return False


def _pieces(source: Mapping[str, Any], numbers: Any) -> Iterator[Piece]:
    """Yield the parts of a source whose sequence numbers follow each other."""
    import numpy as np

    (first, last), (begin, _) = source["rows"], source["frames"]
    origin, each = source["origin"], source["frames_a_row"]
    own = numbers[first:last]
    ends = [*(np.flatnonzero(np.diff(own) != 1) + 1).tolist(), len(own)]
    at = 0
    for end in ends:
        yield Piece(
            file=origin["file"],
            dataset=origin["dataset"],
            shape=tuple(origin["shape"]),
            first=int(own[at]),
            begin=begin + at * each,
            rows=end - at,
            frames_a_row=each,
            size=origin["size"],
            modified=origin["modified"],
        )
        at = end


def _external(configuration: Configuration, columns: dict[str, Any]) -> set[str]:
    """Return the data keys whose data lies in files."""
    import pyarrow as pa

    def refers(key: str) -> bool:
        if key not in columns:
            return True
        kind = columns[key].type
        return bool(pa.types.is_string(kind) or pa.types.is_null(kind))

    declared = configuration.data_keys.items()
    return {key for key, one in declared if is_external(one) and refers(key)}


def _kept(table: Any) -> Any:
    """Return a table of `quire.runs.arrow` in the kept form."""
    import pyarrow as pa

    pc: Any = import_module("pyarrow.compute")
    arrays, fields = [], []
    for name in table.column_names:
        column = table.column(name)
        if not pa.types.is_struct(column.type):
            arrays.append(column)
            fields.append(table.schema.field(name))
            continue
        members = list(column.type)
        parts = [pc.struct_field(column, [at]) for at in range(len(members))]
        for member, part in zip(members, parts, strict=True):
            fields.append(member.with_name(DATA + member.name))
            arrays.append(part)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


class UidDigest:
    """A hash over texts, the same however they are cut into arrays."""

    def __init__(self) -> None:
        self._lengths = hashlib.sha256()
        self._texts = hashlib.sha256()

    def update(self, texts: Any) -> None:
        """Take an Arrow array of texts without gaps."""
        import numpy as np
        import pyarrow as pa

        wide = pa.types.is_large_string(texts.type)
        _, places, held = texts.buffers()
        if not len(texts):
            return
        offsets = np.frombuffer(places, np.int64 if wide else np.int32)
        offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
        self._lengths.update(np.diff(offsets).astype("<i4").tobytes())
        if held is not None:
            self._texts.update(memoryview(held)[int(offsets[0]) : int(offsets[-1])])

    def hexdigest(self) -> str:
        """Return the hash of all that was taken."""
        both = self._lengths.digest() + self._texts.digest()
        return hashlib.sha256(both).hexdigest()
