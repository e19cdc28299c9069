"""One Arrow type for a column, over all of its blocks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quire.runs.columns.cells import Cells, Kind, Leaf, as_json, to_values
from quire.runs.values import EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column in one Arrow type.

    Attributes
    ----------
    chunks
        An Arrow array a block.
    encoding
        ``json`` where its text is JSON, ``integer`` where it is the digits of
        integers beyond 64 bits, else empty.
    """

    chunks: list[Any]
    type: Any
    encoding: str = ""


def widen(parts: Sequence[Cells], declared: Mapping[str, Any]) -> Column:
    """Return blocks of a column in the narrowest type that holds them all.

    Integers among floats become floats where 2**53 allows it; any other mixture
    becomes JSON text. Arrays of one shape become fixed-size lists, else large lists.
    Integers stay 64 bits wide: what the descriptor says of the type (`dtype_numpy`)
    stands beside the column and narrows nothing.

    Parameters
    ----------
    declared
        The data key; its `dtype` tells the type of a column without values.
    """
    parts = _same_depth(parts)
    kind = _widest(parts)
    depths = {len(part.levels) for part in parts if not _empty(part)}
    if kind is Kind.JSON or len(depths) > 1:
        return _json_column(parts)
    shape = _shape(parts)
    leaf = _leaf_type(kind, declared)
    whole = _nested_type(leaf, shape, max(depths, default=0))
    chunks = [_chunk(part, leaf, whole, shape) for part in parts]
    encoding = "integer" if kind is Kind.BIG else ""
    return Column(chunks=chunks, type=whole, encoding=encoding)


def _empty(part: Cells) -> bool:
    return not part.levels and part.leaf.kind is Kind.MISSING


def _same_depth(parts: Sequence[Cells]) -> list[Cells]:
    """Return the parts, those that hold only empty lists as deep as the others."""
    import numpy as np

    depth = max((len(part.levels) for part in parts), default=0)
    none = np.zeros(0, np.int64)
    deepened = []
    for part in parts:
        if part.levels and len(part.leaf.values) == 0 and len(part.levels) < depth:
            levels = (*part.levels, *[none] * (depth - len(part.levels)))
            deepened.append(
                Cells(
                    rows=part.rows, leaf=part.leaf, levels=levels, missing=part.missing
                )
            )
        else:
            deepened.append(part)
    return deepened


def _widest(parts: Iterable[Cells]) -> Kind:
    leaves = [part.leaf for part in parts if part.leaf.kind is not Kind.MISSING]
    kinds = {leaf.kind for leaf in leaves}
    if len(kinds) <= 1:
        return next(iter(kinds), Kind.MISSING)
    if kinds == {Kind.INTEGER, Kind.BIG}:
        return Kind.BIG
    integers = (leaf for leaf in leaves if leaf.kind is Kind.INTEGER)
    if kinds == {Kind.INTEGER, Kind.NUMBER} and all(map(_exact, integers)):
        return Kind.NUMBER
    return Kind.JSON


def _exact(leaf: Leaf) -> bool:
    values = leaf.values.drop_null().to_numpy()
    return not len(values) or bool(values.min() >= -EXACT and values.max() <= EXACT)


def _json_column(parts: Iterable[Cells]) -> Column:
    import pyarrow as pa

    chunks = [
        part.leaf.values
        if part.leaf.kind is Kind.JSON
        else as_json(to_values(part)).leaf.values
        for part in parts
    ]
    return Column(chunks=chunks, type=pa.string(), encoding="json")


def _shape(parts: Iterable[Cells]) -> tuple[int, ...] | None:
    """Return the one shape of all arrays; None where they differ or are empty."""
    shape: tuple[int, ...] | None = None
    for part in parts:
        if _empty(part):
            continue
        sizes = [_one_size(lengths) for lengths in part.levels]
        if None in sizes or 0 in sizes:
            return None
        found = tuple(size for size in sizes if size is not None)
        if shape is not None and shape != found:
            return None
        shape = found
    return shape


def _one_size(lengths: Any) -> int | None:
    if len(lengths) == 0 or lengths.min() != lengths.max():
        return None
    return int(lengths[0])


def _leaf_type(kind: Kind, declared: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    match kind, declared.get("dtype"):
        case (Kind.BOOLEAN, _) | (Kind.MISSING, "boolean"):
            return pa.bool_()
        case (Kind.INTEGER, _) | (Kind.MISSING, "integer"):
            return pa.int64()
        case (Kind.NUMBER, _) | (Kind.MISSING, "number"):
            return pa.float64()
        case (Kind.MISSING, dtype) if dtype != "string":
            return pa.null()
    return pa.string()


def _nested_type(leaf: Any, shape: tuple[int, ...] | None, depth: int) -> Any:
    import pyarrow as pa

    for size in reversed(shape if shape is not None else (0,) * depth):
        leaf = pa.list_(leaf, size) if size else pa.large_list(leaf)
    return leaf


def _chunk(part: Cells, leaf: Any, whole: Any, shape: tuple[int, ...] | None) -> Any:
    import numpy as np
    import pyarrow as pa

    if _empty(part):
        return pa.nulls(part.rows, whole)
    values = part.leaf.values
    if values.type != leaf:
        values = values.cast(leaf)
    for depth, lengths in reversed(list(enumerate(part.levels))):
        if shape is not None:
            values = pa.FixedSizeListArray.from_arrays(values, shape[depth])
        else:
            offsets = np.concatenate(([0], np.cumsum(lengths)))
            values = pa.LargeListArray.from_arrays(offsets, values)
    if part.missing is None:
        return values
    places = np.maximum(np.cumsum(~part.missing) - 1, 0)
    return values.take(pa.array(places, pa.int64(), mask=part.missing))
