"""Stretches: what of a stream was made columns of while its run goes on.

A long run is read while it grows. Its documents up to some number are then not parsed
again: the chunks made of them are kept, one behind the other, and what came since is
gathered behind them (`quire.runs.columns.gathering`). A stretch is good for a run as
long as no document has come between its own: one that waited for what it refers to
keeps its number when the run adopts it. So it says how many documents it stands for.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from quire.runs.columns.block import Chunk
from quire.runs.columns.cells import Cells, Kind, Leaf

# Of this layout: a stretch of another is none.
_META = b"quire.stretch.1"


class Mark(NamedTuple):
    """A place between two documents of a run.

    Attributes
    ----------
    number
        Of the document before it.
    documents
        How many of the run stand before it.
    """

    number: int = -1
    documents: int = 0


BEGIN = Mark()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A chunk of a stream, and what it is of.

    Attributes
    ----------
    begin, end
        Between which marks of the run its documents stand.
    numbers
        Uids of descriptors by the number that they have in this chunk and in all
        before it.
    descriptors
        The stream's descriptors among the documents up to its end.
    """

    begin: Mark
    end: Mark
    chunk: Chunk
    numbers: Sequence[str]
    descriptors: Sequence[dict[str, Any]]


def packed(stretch: Stretch) -> Any:
    """Return a stretch as an Arrow table of one row: its arrays are of many lengths."""
    import pyarrow as pa

    arrays: list[Any] = []

    def put(values: Any) -> int:
        array = values if isinstance(values, pa.Array) else pa.array(values)
        arrays.append(pa.LargeListArray.from_arrays([0, len(array)], array))
        return len(arrays) - 1

    chunk = stretch.chunk
    told = {
        "begin": stretch.begin,
        "end": stretch.end,
        "numbers": list(stretch.numbers),
        "descriptors": list(stretch.descriptors),
        "fixed": [put(getattr(chunk, name)) for name in _FIXED],
        "data": {key: _told(one, put) for key, one in chunk.data.items()},
        "timestamps": {key: _told(one, put) for key, one in chunk.timestamps.items()},
    }
    names = [str(place) for place in range(len(arrays))]
    table = pa.Table.from_arrays(arrays, names=names)
    return table.replace_schema_metadata({_META: json.dumps(told).encode()})


def unpacked(table: Any) -> Stretch:
    """Return the stretch that was packed.

    Raises
    ------
    ValueError
        The table holds none.
    """
    told = json.loads((table.schema.metadata or {}).get(_META, b"null"))
    if told is None:
        raise ValueError("the table is no stretch")

    def get(place: int) -> Any:
        return table.column(place).chunk(0).flatten()

    numpy = [get(place).to_numpy() for place in told["fixed"][:-1]]
    chunk = Chunk(
        **dict(zip(_FIXED, [*numpy, get(told["fixed"][-1])], strict=True)),
        data={key: _cells(one, get) for key, one in told["data"].items()},
        timestamps={key: _cells(one, get) for key, one in told["timestamps"].items()},
    )
    return Stretch(
        begin=Mark(*told["begin"]),
        end=Mark(*told["end"]),
        chunk=chunk,
        numbers=told["numbers"],
        descriptors=told["descriptors"],
    )


_FIXED = ("seq_num", "time", "descriptor", "uid")


def _told(cells: Cells, put: Callable[[Any], int]) -> dict[str, Any]:
    leaf = cells.leaf
    return {
        "rows": cells.rows,
        "kind": leaf.kind.value,
        "values": put(leaf.values),
        "levels": [put(lengths) for lengths in cells.levels],
        "whole": None if leaf.whole is None else put(leaf.whole),
        "missing": None if cells.missing is None else put(cells.missing),
    }


def _cells(told: dict[str, Any], get: Callable[[int], Any]) -> Cells:
    def flags(place: int | None) -> Any:
        return None if place is None else get(place).to_numpy(zero_copy_only=False)

    return Cells(
        rows=told["rows"],
        leaf=Leaf(
            kind=Kind(told["kind"]),
            values=get(told["values"]),
            whole=flags(told["whole"]),
        ),
        levels=tuple(get(place).to_numpy() for place in told["levels"]),
        missing=flags(told["missing"]),
    )
