"""`quire.ports.column_files.ColumnFiles` as Parquet files in the data folder.

``streams/<first two of the uid>/<uid>/<stream>.parquet``; of an open run stretches as
Arrow files, ``<stream>.<place>.arrow``. Names that are no plain file names are
percent-encoded, overlong ones hashed.

Numbers are laid out byte by byte (Parquet's BYTE_STREAM_SPLIT) and then compressed with
LZ4: the high bytes of measured values hardly change, the low ones are noise. Against
zstd on the values as they are that takes three quarters of the room, and half of the
time to read. Text and whatever else there is are compressed with zstd.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from quire.runs.columns.layout import ColumnView
from quire.runs.columns.selection import Selection
from quire.runs.columns.stretch import BEGIN, Stretch, packed, unpacked

_FOLDER = "streams"
_GROUP_ROWS = 65_536
_GROUP_BYTES = 64 * 1024**2
_LONGEST_NAME = 200
_ABANDONED = 3600.0  # seconds
_DOCUMENTS = b"quire.documents"
_LAYOUT = b"quire.layout"
_LAYOUT_NOW = b"1"


class ParquetFile:
    """`quire.ports.column_files.ColumnFile` in an open Parquet file.

    It stays open as long as this object lives: it may be replaced meanwhile.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.schema = file.schema_arrow
        self.events = int(file.metadata.num_rows)

    def read(self, selection: Selection) -> Iterator[Any]:
        """Yield a table a row group, those with no wanted row left out."""
        names = selection.names(self.schema)
        for group in range(self._file.num_row_groups):
            if not self._is_before(group, selection.after):
                table = self._file.read_row_group(group, columns=names)
                yield table.select(names)

    def _is_before(self, group: int, after: int | None) -> bool:
        found = self._file.metadata.row_group(group).column(0).statistics
        return bool(after is not None and found is not None and found.max <= after)


class ParquetFiles:
    """The Parquet files of a data folder."""

    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder / _FOLDER

    def find(self, run: str, stream: str, documents: int) -> ParquetFile | None:
        """Return a stream's file if it is of so many documents of the run."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with contextlib.suppress(OSError, pa.ArrowException):
            file = pq.ParquetFile(self._path(run, stream))
            known = file.schema_arrow.metadata or {}
            current = (_LAYOUT_NOW, str(documents).encode())
            if (known.get(_LAYOUT), known.get(_DOCUMENTS)) == current:
                return ParquetFile(file)
            file.close()
        return None

    def write(self, run: str, stream: str, documents: int, view: ColumnView) -> None:
        """Keep a stream's columns in place of what was kept of it, stretches too."""
        path = self._path(run, stream)
        self._replace(path, lambda out: _write(view.table, out, documents))
        for place in count():
            try:
                self._stretch(run, stream, place).unlink()
            except FileNotFoundError:
                return

    def stretches(self, run: str, stream: str) -> list[Stretch]:
        """Return the stretches of a stream, each beginning where the last one ends."""
        found: list[Stretch] = []
        while stretch := _mapped(self._stretch(run, stream, len(found))):
            if stretch.begin != (found[-1].end if found else BEGIN):
                break
            found.append(stretch)
        return found

    def add(self, run: str, stream: str, place: int, stretch: Stretch) -> None:
        """Keep a stretch; `place` tells how many stand before it."""
        import pyarrow as pa

        table = packed(stretch)

        def write(out: Any) -> None:
            with pa.ipc.new_file(out, table.schema) as writer:
                writer.write_table(table)

        self._replace(self._stretch(run, stream, place), write)

    def _replace(self, path: Path, write: Callable[[Any], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _clear(path.parent)
        part = path.with_name(f"{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as out:
                write(out)
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent, self._folder):
            _sync(folder)

    def remove(self, run: str) -> None:
        """Delete all files of a run."""
        shutil.rmtree(self._run_folder(run), ignore_errors=True)

    def _path(self, run: str, stream: str) -> Path:
        return self._run_folder(run) / f"{_name(stream)}.parquet"

    def _stretch(self, run: str, stream: str, place: int) -> Path:
        return self._run_folder(run) / f"{_name(stream)}.{place}.arrow"

    def _run_folder(self, run: str) -> Path:
        name = _name(run)
        return self._folder / name[:2] / name


def _clear(folder: Path) -> None:
    """Delete what servers left that were killed; others may be writing theirs."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _ABANDONED:
                part.unlink()


def _mapped(path: Path) -> Stretch | None:
    """Return a stretch whose arrays are read when they are used, None if there is none."""
    import pyarrow as pa

    try:
        return unpacked(pa.ipc.open_file(pa.memory_map(str(path))).read_all())
    except (OSError, ValueError):  # Arrow's own errors among them
        return None


def _write(table: Any, out: Any, documents: int) -> None:
    import pyarrow.parquet as pq

    told = {_LAYOUT: _LAYOUT_NOW, _DOCUMENTS: str(documents)}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **told})
    a_row = table.nbytes // max(table.num_rows, 1) + 1
    leaves = _leaves(table.schema)
    # Measured data seldom repeats: dictionaries would cost and not gain.
    options: dict[str, Any] = {
        "compression": {
            path: "lz4" if is_number else "zstd" for path, is_number in leaves.items()
        },
        "use_byte_stream_split": [path for path in leaves if leaves[path]],
        "use_dictionary": False,
        "write_statistics": ["seq_num"],
        "row_group_size": max(1, min(_GROUP_ROWS, _GROUP_BYTES // a_row)),
    }
    pq.write_table(table, out, **options)


def _leaves(schema: Any) -> dict[str, bool]:
    """Return the columns as Parquet names them, and whether they hold numbers.

    Events may name their data as they like, so one may be named as what another's list
    holds. Then the name stands for both, and neither is said to hold numbers.
    """
    from pyarrow import types

    leaves: dict[str, bool] = {}
    for field in schema:
        path, kind = field.name, field.type
        while types.is_nested(kind):
            path, kind = f"{path}.list.element", kind.value_type
        is_number = types.is_floating(kind) or types.is_integer(kind)
        leaves[path] = is_number and path not in leaves
    return leaves


def _name(text: str) -> str:
    name = quote(text, safe="", errors="backslashreplace") or "%"
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return name


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
