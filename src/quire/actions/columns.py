"""Streams as columns: from the pages, or from the file of a closed run."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.actions.external import ExternalData
from quire.actions.external_column import ExternalColumn
from quire.actions.filling import Filled
from quire.actions.gathering_columns import parsed
from quire.actions.kept_columns import Kept, KeptColumns
from quire.actions.lookup import By, find_run
from quire.actions.made_columns import DEFAULT, Making
from quire.documents.names import DocumentName
from quire.errors import InputError, NotFound
from quire.ports.asset_reader import AssetUnreadable
from quire.ports.column_files import ColumnFiles
from quire.ports.store import Store, Transaction
from quire.runs.columns.configuration import (
    Configuration,
    configured,
    is_external,
)
from quire.runs.columns.external import External
from quire.runs.columns.layout import DATA
from quire.runs.columns.selection import Selection, select
from quire.runs.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream:
    """A part of a stream's column view, not yet read.

    Attributes
    ----------
    schema
        Arrow schema of the tables, in the kept form.
    events
        How many rows the whole stream has, superseded ones among them.
    tables
        Gives the tables, one behind the other; blocks, may be called once.
    """

    run: str
    schema: Any
    configuration: Configuration
    events: int
    tables: Callable[[], Iterator[Any]]


class ColumnViews:
    """Gives streams as columns, and keeps files of them."""

    def __init__(
        self,
        store: Store,
        files: ColumnFiles,
        external: ExternalData,
        making: Making = DEFAULT,
    ) -> None:
        self._store = store
        self._kept = KeptColumns(store, files, making)
        self._external = external

    async def open(
        self,
        which: str,
        stream: str,
        principal: Principal,
        *,
        by: By | None,
        selection: Selection,
    ) -> OpenStream:
        """Return a part of one stream of a run, rewinds resolved.

        Raises
        ------
        NotFound
            There is no such run, or it has no stream of that name.
        InputError
            A column is none of the stream's.
        """
        run = await self._run(which, stream, principal, by)
        kept = await self._kept.of(run, stream)
        asked = _asked(selection, kept)
        own = _opened(run, kept, _without(selection, kept))
        if not asked:
            return own
        try:
            external = await self._external.of(run, stream, kept.documents)
        except AssetUnreadable as error:
            if selection.columns is not None:
                raise
            openers = dict.fromkeys(asked, partial(_refused, error))
        else:
            openers = {
                key: partial(self._column, kept, external, key, thorough=True)
                for key in asked
            }
        filled = await asyncio.to_thread(
            Filled,
            own.schema,
            openers,
            kept.configuration.data_keys,
            strict=selection.columns is not None,
        )
        return OpenStream(
            run=run.uid,
            schema=filled.schema,
            configuration=own.configuration,
            events=own.events,
            tables=lambda: filled.tables(own.tables()),
        )

    async def external_column(
        self,
        which: str,
        stream: str,
        key: str,
        principal: Principal,
        *,
        by: By | None,
    ) -> ExternalColumn:
        """Return one data key whose data lies in files.

        Raises
        ------
        NotFound
            There is no such run, or it has no stream of that name.
        InputError
            The key's data lies in no file, or cannot be read.
        """
        run = await self._run(which, stream, principal, by)
        kept = await self._kept.of(run, stream)
        known = external_keys(kept.configuration, kept.schema)
        if key not in known:
            shown = ", ".join(known) or "none"
            raise InputError("key", f"{key!r} has no data in files", f"of {shown}")
        external = await self._external.of(run, stream, kept.documents)
        return await asyncio.to_thread(self._column, kept, external, key)

    def _column(
        self, kept: Kept, external: External, key: str, *, thorough: bool = False
    ) -> ExternalColumn:
        declared = kept.configuration.data_keys[key]
        if DATA + key not in kept.schema.names:
            return self._external.in_spans(external, key, declared, thorough=thorough)
        wanted = Selection(columns=(key,), timestamps=False)
        tables = list(select(kept.read(wanted), wanted))
        return self._external.by_datums(
            external, key, declared, _named(tables, key), thorough=thorough
        )

    async def configuration(
        self, which: str, stream: str, principal: Principal, *, by: By | None
    ) -> Configuration:
        """Return what the descriptors of a stream say.

        Raises
        ------
        NotFound
            There is no such run, or it has no stream of that name.
        """
        run = await self._run(which, stream, principal, by)
        return await self._store.view(lambda tx: _configuration(tx, run, stream))

    async def refresh(self, *, newest: bool = True) -> int:
        """Make the files that are missing; return how many streams got one.

        Parameters
        ----------
        newest
            Whether also of the newest runs, which one of several servers does for all.
        """
        return await self._kept.refresh(newest=newest)

    async def _run(
        self, which: str, stream: str, principal: Principal, by: By | None
    ) -> Run:
        run = await self._store.view(lambda tx: find_run(tx, which, principal, by=by))
        if stream not in run.streams:
            known = ", ".join(sorted(run.streams)) or "none yet"
            raise NotFound("stream", stream, f"the run's streams are: {known}")
        return run


def _refused(error: AssetUnreadable) -> ExternalColumn:
    raise error


def external_keys(configuration: Configuration, schema: Any) -> list[str]:
    """Return the data keys whose data lies in files.

    Not those that are declared so, but whose events hold the data itself.

    Parameters
    ----------
    schema
        Arrow schema in the kept form.
    """
    import pyarrow as pa

    def has_references(key: str) -> bool:
        if DATA + key not in schema.names:
            return True
        kind = schema.field(DATA + key).type
        return bool(pa.types.is_string(kind) or pa.types.is_null(kind))

    declared = configuration.data_keys.items()
    return [key for key, one in declared if is_external(one) and has_references(key)]


def _opened(run: Run, kept: Kept, selection: Selection) -> OpenStream:
    import pyarrow as pa

    names = selection.names(kept.schema)
    if not selection.superseded:
        names.remove("superseded")
    return OpenStream(
        run=run.uid,
        schema=pa.schema([kept.schema.field(name) for name in names]),
        configuration=kept.configuration,
        events=kept.events,
        tables=lambda: select(kept.read(selection), selection),
    )


def _asked(selection: Selection, kept: Kept) -> list[str]:
    """Return the data keys that shall be read from files."""
    if selection.assets is False:
        return []
    known = external_keys(kept.configuration, kept.schema)
    if selection.columns is not None:
        return [key for key in known if key in selection.columns]
    return known if selection.assets else []


def _without(selection: Selection, kept: Kept) -> Selection:
    """Return a selection without the columns that only files have."""
    if selection.columns is None:
        return selection
    known = external_keys(kept.configuration, kept.schema)
    only = {key for key in known if DATA + key not in kept.schema.names}
    columns = tuple(name for name in selection.columns if name not in only)
    return msgspec.structs.replace(selection, columns=columns)


def _named(tables: Sequence[Any], key: str) -> tuple[Any, list[str | None]]:
    """Return sequence numbers and datum_ids."""
    import numpy as np

    numbers = [table.column("seq_num").to_numpy() for table in tables]
    ids = [one for table in tables for one in table.column(DATA + key).to_pylist()]
    return (np.concatenate(numbers) if numbers else np.zeros(0, np.int64)), ids


def _configuration(tx: Transaction, run: Run, stream: str) -> Configuration:
    left = {uid for uid, name in run.descriptors.items() if name == stream}
    found = []
    for stored in tx.documents.of_run(run.uid):
        if stored.name is DocumentName.DESCRIPTOR:
            body = parsed(stored.name, stored.raw).body
            if body["uid"] in left:
                left.remove(body["uid"])
                found.append(body)
        if not left:
            break  # most runs have all of them before the first of many events
    return configured(found)
