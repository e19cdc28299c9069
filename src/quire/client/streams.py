"""The streams of a run: tables, arrays, configuration."""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from quire.client.arrays import Array, FileArray
from quire.client.connection import Connection
from quire.client.errors import RefusedInput
from quire.client.fetching import arrow_reader, fetched
from quire.client.tables import (
    configurations,
    data_keys,
    dataset,
    shown,
    timestamps,
)


class UnreadableData(UserWarning):
    """Data of a stream that lies in files which the server cannot read."""


class Stream:
    """One stream of a run.

    ``stream.read()`` is all of it as a dataset, ``stream["det"][:]`` one data key.
    """

    def __init__(self, connection: Connection, run_path: str, name: str) -> None:
        self._connection = connection
        self._path = f"{run_path}/streams/{quote(name, safe='')}"
        self.name = name

    def read(self, *variables: str) -> Any:
        """Return its rows as an ``xarray.Dataset`` along ``time``.

        Data in files is read when it is looked at. What cannot be read is left out
        with a warning that says why, unless it was asked for by name. Rows that a file
        ought to have and has not are NaN, with a warning; the attribute ``missing`` of
        the variable says why. Rows that files have and no event has are left out, with
        a warning, too.

        Parameters
        ----------
        variables
            Data keys; all of them by default.

        Raises
        ------
        KeyError
            It has no such data key.
        Refused
            A data key that was named cannot be read.
        """
        # Loads xarray, which takes long and is needed here alone.
        from quire.client.lazy import lazy

        wanted = _names(variables)
        table = self.table(*wanted, assets=False, timestamps=False, descriptors=True)
        keys = [one for one in wanted or data_keys(table) if _in_files(table, one)]
        files, unread = self._readable(keys, strict=bool(wanted))
        if files and not table.num_rows:
            table = _rows_of(table, files.values())
        numbers = table.column("seq_num").to_numpy()
        for words in _without_events(files, numbers):
            warnings.warn(words, UnreadableData, 2)
        made = dataset(table, {key: lazy(one, numbers) for key, one in files.items()})
        names = shown([*_in_events(table), *files])
        for key, one in files.items():
            made[names[key]].attrs |= {"missing": one.missing} if one.missing else {}
        if not unread:
            return made
        left_out = [names[key] for key in unread if key in names]
        told = [f"{key}: {reason}" for key, reason in unread.items()]
        return made.drop_vars(left_out).assign_attrs(unread=told)

    def _readable(
        self, keys: Iterable[str], *, strict: bool
    ) -> tuple[dict[str, FileArray], dict[str, str]]:
        """Return the arrays that can be read, and why others cannot, by data key."""
        files: dict[str, FileArray] = {}
        unread: dict[str, str] = {}
        for key in keys:
            try:
                files[key] = self._in_files(key)
            except RefusedInput as error:
                if strict:
                    raise
                unread[key] = str(error)
                warnings.warn(f"{key} is left out: {error}", UnreadableData, 3)
                continue
            if files[key].missing:
                words = f"{key} lacks {files[key].missing}"
                warnings.warn(words, UnreadableData, 3)
        return files, unread

    def timestamps(self, *variables: str) -> Any:
        """Return the time of each single value, Unix seconds, as a dataset."""
        return timestamps(self.table(*_names(variables), assets=False))

    @property
    def configuration(self) -> dict[str, Any]:
        """By device a dataset with one row a descriptor.

        `read` tells for each event the row of its descriptor, as ``descriptor``.
        """
        return configurations(self.descriptors)

    @property
    def descriptors(self) -> list[dict[str, Any]]:
        """What its descriptors say, in the order of their time."""
        return self.describe()

    def describe(self, *, exact: bool = True) -> list[dict[str, Any]]:
        """Return what its descriptors say, in the order of their time.

        Parameters
        ----------
        exact
            With numbers as they came; else in standard JSON, without NaN and infinities,
            and with integers beyond 64 bits as text.
        """
        path = f"{self._path}/configuration"
        told = self._connection.get(path, exact="true" if exact else None)
        return list(told["descriptors"])

    @property
    def data_keys(self) -> dict[str, dict[str, Any]]:
        """What is said of each data key; of several the latest descriptor's word."""
        found: dict[str, dict[str, Any]] = {}
        for one in self.descriptors:
            found.update(one.get("data_keys", {}))
        return found

    def table(self, *variables: str, **query: Any) -> Any:
        """Return its rows as a `pyarrow.Table`, as `quire.runs.arrow` describes it.

        Parameters
        ----------
        variables
            Data keys; all of them by default.
        query
            Further parameters: ``after``, ``limit``, ``superseded``, ``uids``,
            ``assets``, ``timestamps``...

        Raises
        ------
        KeyError
            It has no such data key.
        """
        query["columns"] = _columns(variables)
        try:
            return read_table(self._connection, self._path, **query)
        except RefusedInput as error:
            if error.field != "columns":
                raise
            raise KeyError(str(error)) from None

    def read_arrow(self, *variables: str) -> bytes:
        """Return its rows as an Arrow IPC stream."""
        query = {"format": "arrow", "columns": _columns(variables)}
        with fetched(self._connection, self._path, query) as answer:
            return bytes(answer.read())

    def __getitem__(self, key: str) -> Array:
        """Return one data key as an array, with a warning if its files lack rows.

        Raises
        ------
        KeyError
            There is none of that name.
        Refused
            It lies in files that cannot be read.
        """
        import numpy as np

        look = self.table(key, assets=False, limit=1, timestamps=False)
        if _in_files(look, key):
            found = self._readable([key], strict=True)[0][key]
            return Array(key, found, found.rows, found.at)
        values = np.asarray(
            dataset(self.table(key, timestamps=False))[shown([key])[key]]
        )
        return Array(key, values, values.__getitem__, values.__getitem__)

    def keys(self) -> list[str]:
        """Return the names of its data keys."""
        return list(self.data_keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def _ipython_key_completions_(self) -> list[str]:
        return self.keys()

    def _in_files(self, key: str) -> FileArray:
        return FileArray(self._connection, f"{self._path}/arrays/{quote(key, safe='')}")

    def __repr__(self) -> str:
        return f"<Stream {self.name}>"


def read_table(connection: Connection, path: str, **query: Any) -> Any:
    """Return a stream as a `pyarrow.Table`, read as it comes.

    Parameters
    ----------
    path
        Of the stream on the server.
    query
        Its parameters.

    Raises
    ------
    ConnectionLost, Refused
        As `quire.client.connection.Connection.ask`.
    """
    with fetched(connection, path, {**query, "format": "arrow"}) as answer:
        return arrow_reader(answer).read_all()


def _names(variables: tuple[Any, ...]) -> list[str]:
    """Return names that are given one by one or as a list."""
    if len(variables) == 1 and not isinstance(variables[0], str):
        return list(variables[0] or ())
    return list(variables)


def _columns(variables: tuple[Any, ...]) -> str | None:
    """Return names as the server takes them: as JSON, for they may hold commas."""
    names = _names(variables)
    return json.dumps(names) if names else None


def _without_events(files: Mapping[str, FileArray], numbers: Any) -> Iterator[str]:
    """Yield words on rows of files that are no rows of the stream."""
    import numpy as np

    for key, one in files.items():
        left_out = len(np.setdiff1d(one.seq_num, numbers))
        if left_out:
            rows = "1 row" if left_out == 1 else f"{left_out} rows"
            yield f"{key} has {rows} that no event has; stream[{key!r}] has them all"


def _rows_of(table: Any, files: Iterable[FileArray]) -> Any:
    """Return a table with the rows that files have, of a stream without events."""
    import numpy as np
    import pyarrow as pa

    numbers = np.unique(np.concatenate([one.seq_num for one in files]))
    arrays = [
        pa.array(numbers, field.type)
        if field.name == "seq_num"
        else pa.array(np.full(len(numbers), np.nan), field.type)
        if field.name == "time"
        else pa.nulls(len(numbers), field.type)
        for field in table.schema
    ]
    fields = [field.with_nullable(True) for field in table.schema]  # noqa: FBT003
    schema = pa.schema(fields, metadata=table.schema.metadata)
    return pa.Table.from_arrays(arrays, schema=schema)


def _in_events(table: Any) -> list[str]:
    """Return the data keys that the table has a column of."""
    return [field.name for field in table.schema.field("data").type]


def _in_files(table: Any, key: str) -> bool:
    """Return whether a data key's data lies in files, and not in its column."""
    import pyarrow as pa

    if not data_keys(table).get(key, {}).get("external"):
        return False
    place = table.schema.field("data").type.get_field_index(key)
    if place < 0:
        return True
    kind = table.schema.field("data").type.field(place).type
    return bool(pa.types.is_string(kind) or pa.types.is_null(kind))
