"""Rows of events beside their descriptor, judged many at a time.

What nearly every batch is (all rows alike, all as declared) is told by a few set
operations on whole columns; only what is odd is looked at row by row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any

import msgspec

from quire.documents.batch import EventBatch
from quire.runs.rules.keys import (
    Declared,
    data_keys_differ,
    filled_differ,
    streamed_data,
    timestamps_differ,
)
from quire.runs.rules.values import misfits
from quire.runs.run import Finding

Table = Mapping[str, Any]
Columns = Mapping[str, Sequence[Any]]


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one descriptor.

    Attributes
    ----------
    data
        Their columns by data key.
    kinds
        Data keys of each distinct kind of row.
    unequal
        Whether timestamps have other keys than data in any row.
    overfilled
        Whether `filled` has a key that data lacks in any row.
    datum_ids
        Of the external data that they name.
    numeric
        Data keys that are known to hold nothing but numbers and nulls.
    """

    data: Columns
    kinds: frozenset[tuple[str, ...]]
    unequal: bool
    overfilled: bool
    datum_ids: frozenset[str]
    numeric: frozenset[str] = frozenset()

    @classmethod
    def of_events(cls, events: Sequence[Table], declared: Declared) -> "Rows":
        """Return rows that stand alone."""
        data: list[Table] = [event["data"] for event in events]
        stamps: list[Table] = [event["timestamps"] for event in events]
        filled: list[Table | None] = [event.get("filled") for event in events]
        columns = _of_one_kind(data)
        if columns is None:
            kinds = frozenset(map(tuple, data))
            columns = _columns(data, kinds)
        else:
            kinds = frozenset({tuple(columns)})
        alike = len(kinds) == 1 and _have_all(stamps, tuple(columns))
        return cls(
            data=columns,
            kinds=kinds,
            unequal=not alike and not all(map(_same_keys, data, stamps)),
            overfilled=any(filled) and not all(map(_within, filled, data)),
            datum_ids=frozenset(
                datum_id
                for key in _external(declared)
                for datum_id in _named(
                    (one.get(key) for one in data),
                    ((one or {}).get(key) for one in filled),
                )
            ),
        )

    @classmethod
    def of_batch(cls, batch: EventBatch, declared: Declared) -> "Rows":
        """Return the rows of events that are alike."""
        return cls(
            data=batch.data,
            kinds=frozenset({tuple(batch.data)}),
            unequal=False,
            overfilled=False,
            datum_ids=frozenset(
                datum_id
                for key in _external(declared)
                if key in batch.data and key not in batch.numeric
                for datum_id in _named(batch.data[key], ())
            ),
            numeric=batch.numeric,
        )

    @classmethod
    def of_page(cls, body: Table, declared: Declared) -> "Rows":
        """Return the rows of a page."""
        data: Columns = body["data"]
        filled: Columns = body.get("filled") or {}
        return cls(
            data=data,
            kinds=frozenset({tuple(data)}),
            unequal=not _same_keys(body["timestamps"], data),
            overfilled=not _within(filled, data),
            datum_ids=frozenset(
                datum_id
                for key in _external(declared)
                for datum_id in _named(data.get(key, ()), filled.get(key, ()))
            ),
        )

    def findings(self, descriptor: str, declared: Declared) -> Iterator[Finding]:
        """Tell what the rows break of what their descriptor declares."""
        expected = {key for key, one in declared.items() if not one.streamed}
        for keys in self.kinds:
            if expected != set(keys):
                yield from data_keys_differ(descriptor, declared, keys)
                yield from streamed_data(descriptor, declared, keys)
        if self.unequal:
            yield timestamps_differ(descriptor)
        if self.overfilled:
            yield filled_differ(descriptor)
        for key in self.data:
            one = declared.get(key)
            if key in self.numeric and (one is None or one.dtype == "number"):
                continue  # without a look at its values
            yield from misfits(descriptor, key, one, self.data[key])


def _of_one_kind(data: Sequence[Table]) -> Columns | None:
    """Return the columns of rows that all have the same two keys or more, else None."""
    keys = tuple(data[0])
    if len(keys) <= 1 or set(map(len, data)) != {len(keys)}:
        return None
    try:
        columns = zip(*map(itemgetter(*keys), data), strict=True)
    except KeyError:
        return None
    return dict(zip(keys, columns, strict=True))


def _have_all(tables: Sequence[Table], keys: tuple[str, ...]) -> bool:
    """Return whether each table has these keys and no other."""
    if set(map(len, tables)) != {len(keys)}:
        return False
    try:
        return not keys or bool(list(map(itemgetter(*keys), tables)))
    except KeyError:
        return False


def _columns(data: Sequence[Table], kinds: frozenset[tuple[str, ...]]) -> Columns:
    if len(kinds) == 1:
        (keys,) = kinds
        return {key: [one[key] for one in data] for key in keys}
    columns: dict[str, list[Any]] = defaultdict(list)
    for one in data:
        for key, value in one.items():
            columns[key].append(value)
    return columns


def _same_keys(one: Table, other: Table) -> bool:
    return one.keys() == other.keys()


def _within(filled: Table | None, data: Table) -> bool:
    return not filled or filled.keys() <= data.keys()


def _external(declared: Declared) -> list[str]:
    return [key for key, one in declared.items() if one.external and not one.streamed]


def _named(values: Iterable[Any], filled: Iterable[Any]) -> Iterator[str]:
    """Yield the datum_ids; of what is filled the one that `filled` moved there."""
    # A missing `filled` says that nothing is.
    for value, fill in zip(values, chain(filled, repeat(None))):  # noqa: B905
        datum = fill if isinstance(fill, str) else None if fill is True else value
        if isinstance(datum, str):
            yield datum
