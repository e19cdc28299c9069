"""The values of one data key in one block, typed by what they are.

A declared type is a promise that real documents break: a setpoint declared integer
turns float midway. So a column has the narrowest type that holds all of its values,
and `quire.runs.columns.widening` settles it over the blocks.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any

from quire.runs.values import EXACT

_NOTHING = type(None)


class Kind(Enum):
    """What the values of a column are, beside missing."""

    MISSING = "missing"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    BIG = "big"
    NUMBER = "number"
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Scalars of one kind.

    Attributes
    ----------
    values
        Arrow array: of INTEGER int64, of NUMBER float64, of BIG decimal digits, of
        JSON its text.
    whole
        Of NUMBER, where the value was written as an integer; None for nowhere.
    """

    kind: Kind
    values: Any
    whole: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The cells of one column in one block: scalars, or lists of them.

    Attributes
    ----------
    rows
        How many.
    levels
        Of lists, for each depth the lengths of the lists there, outermost first.
        Missing rows are left out.
    leaf
        The scalars, all in one row.
    missing
        Of lists, which rows are missing; None for none.
    """

    rows: int
    leaf: Leaf
    levels: tuple[Any, ...] = ()
    missing: Any = None


def encode(values: list[Any]) -> Cells:
    """Return the cells of a column, as they came from JSON."""
    kinds = set(map(type, values))
    if list not in kinds:
        return Cells(rows=len(values), leaf=_scalars(values, kinds))
    cells = _lists(values) if kinds <= {list, _NOTHING} else None
    return cells or as_json(values)


def as_json(values: Iterable[Any]) -> Cells:
    """Return cells that hold each value as JSON text, missing ones as nothing."""
    import pyarrow as pa

    texts = [None if value is None else json.dumps(value) for value in values]
    leaf = Leaf(kind=Kind.JSON, values=pa.array(texts, pa.string()))
    return Cells(rows=len(texts), leaf=leaf)


def to_values(cells: Cells) -> list[Any]:
    """Return the values that were encoded."""
    values = _leaf_values(cells.leaf)
    for lengths in reversed(cells.levels):
        source = iter(values)
        values = [[next(source) for _ in range(size)] for size in lengths.tolist()]
    if cells.missing is None:
        return values
    present = iter(values)
    return [None if gone else next(present) for gone in cells.missing.tolist()]


def _leaf_values(leaf: Leaf) -> list[Any]:
    values: list[Any] = leaf.values.to_pylist()
    decode: Callable[[str], Any] | None = None
    match leaf.kind:
        case Kind.JSON:
            decode = json.loads
        case Kind.BIG:
            decode = int
        case Kind.NUMBER if leaf.whole is not None:
            pairs = zip(values, leaf.whole.tolist(), strict=True)
            return [int(value) if whole else value for value, whole in pairs]
    if decode is None:
        return values
    return [None if value is None else decode(value) for value in values]


def _lists(values: list[Any]) -> Cells | None:
    import numpy as np

    level = [value for value in values if value is not None]
    missing = None
    if len(level) < len(values):
        missing = np.array([value is None for value in values])
    levels = []
    while True:
        levels.append(np.fromiter(map(len, level), np.int64, len(level)))
        level = list(chain.from_iterable(level))
        kinds = set(map(type, level))
        if list not in kinds:
            break
        if kinds != {list}:
            return None
    leaf = _scalars(level, kinds)
    if leaf.kind is Kind.JSON:
        return None
    return Cells(rows=len(values), leaf=leaf, levels=tuple(levels), missing=missing)


def _scalars(values: list[Any], kinds: set[type]) -> Leaf:
    import pyarrow as pa

    present = kinds - {_NOTHING}
    if not present:
        return Leaf(kind=Kind.MISSING, values=pa.nulls(len(values)))
    encoder = _ENCODERS.get(frozenset(present))
    return encoder(values) if encoder is not None else as_json(values).leaf


def _floats(values: list[Any]) -> Leaf:
    import pyarrow as pa

    return Leaf(kind=Kind.NUMBER, values=pa.array(values, pa.float64()))


def _booleans(values: list[Any]) -> Leaf:
    import pyarrow as pa

    return Leaf(kind=Kind.BOOLEAN, values=pa.array(values, pa.bool_()))


def _integers(values: list[Any]) -> Leaf:
    import pyarrow as pa

    try:
        return Leaf(kind=Kind.INTEGER, values=pa.array(values, pa.int64()))
    except (OverflowError, pa.ArrowInvalid):
        digits = [None if value is None else str(value) for value in values]
        return Leaf(kind=Kind.BIG, values=pa.array(digits, pa.string()))


def _numbers(values: list[Any]) -> Leaf:
    """Return integers among floats as floats, where none is too great for that."""
    import numpy as np
    import pyarrow as pa

    whole = np.fromiter((type(value) is int for value in values), bool, len(values))
    if any(abs(value) > EXACT for value in values if type(value) is int):
        return as_json(values).leaf
    array = pa.array(
        [None if value is None else float(value) for value in values], pa.float64()
    )
    return Leaf(kind=Kind.NUMBER, values=array, whole=whole)


def _texts(values: list[Any]) -> Leaf:
    import pyarrow as pa

    try:
        return Leaf(kind=Kind.TEXT, values=pa.array(values, pa.string()))
    except UnicodeEncodeError:  # a lone surrogate, which JSON may escape
        return as_json(values).leaf


_ENCODERS: Mapping[frozenset[type], Callable[[list[Any]], Leaf]] = {
    frozenset({float}): _floats,
    frozenset({int}): _integers,
    frozenset({bool}): _booleans,
    frozenset({str}): _texts,
    frozenset({int, float}): _numbers,
}
