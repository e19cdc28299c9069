"""Carrying a resolved projection out, block by block."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeGuard

import msgspec

from quire.products.projection.arrays import (
    has_inner_gaps,
    packed,
    row_bytes,
    shape_of,
    unpacked,
)
from quire.products.projection.calculating import CalculationFailed, Calculator
from quire.products.projection.contents import (
    Block,
    Outcome,
    Piece,
    Scalar,
    Variable,
)
from quire.products.projection.functions import Works
from quire.products.projection.resolving import (
    Calculated,
    Linked,
    Made,
    Resolved,
    scalar,
)
from quire.runs.columns.layout import DATA

# Rows of a block are settled by the types alone: the same blocks whatever the run is
# read from, and so the same bytes.
BLOCK_ROWS = 65_536
BLOCK_BYTES = 8 * 1024**2
# From a stream and data keys to Arrow tables in the kept form, without superseded rows.
Reading = Callable[[str, tuple[str, ...]], Iterable[Any]]


class EntryLost(Exception):  # begun anew without it, no error of ours
    """An entry failed after some of its rows were written."""

    def __init__(self, key: str, code: str, reason: str) -> None:
        self.key = key
        self.code = code
        self.reason = reason
        super().__init__(f"{key}: {reason}")


class Execution:
    """One pass over the streams.

    Attributes
    ----------
    outcomes
        Of all entries; final once the pass is over.

    Parameters
    ----------
    read
        Gives the rows of a stream.
    """

    def __init__(
        self, resolved: Resolved, read: Reading, calculator: Calculator
    ) -> None:
        self.outcomes: dict[str, Outcome] = dict(resolved.outcomes)
        self._made = dict(resolved.made)
        self._read = read
        self._calculator = calculator
        self._whole: dict[str, Any] = {}
        self._first: dict[str, tuple[Block | None, Iterator[Block]]] = {}

    @property
    def streams(self) -> list[str]:
        """The streams that are read, in the order of the entries."""
        found = (
            one.variable.stream
            for one in self._made.values()
            if not isinstance(one, Scalar)
        )
        return list(dict.fromkeys(found))

    def scalars(self) -> tuple[Scalar, ...]:
        """Return the values of their own, known from the documents."""
        return tuple(one for one in self._made.values() if isinstance(one, Scalar))

    def variables(self) -> tuple[Variable, ...]:
        """Return the variables, with their types; reads a first block of each stream.

        The type of a calculated one is known by its first block alone.
        """
        found: dict[str, Variable] = {}
        for stream in self.streams:
            self._look(stream)
        for key, one in self._made.items():
            if isinstance(one, Linked) or (
                isinstance(one, Calculated) and key not in self._ended_late()
            ):
                found[key] = one.variable
        return tuple(found.values())

    def reduced(self) -> tuple[str, ...]:
        """Return the keys whose values come after all blocks."""
        return tuple(self._ended_late())

    def blocks(self, stream: str) -> Iterator[Block]:
        """Yield the rows of a stream; once."""
        first, rest = self._first.pop(stream)
        if first is not None:
            # What was dropped since it was read is not wanted any more.
            kept = {k: one for k, one in first.columns.items() if k in self._made}
            yield msgspec.structs.replace(first, columns=kept)
        yield from rest

    def results(self) -> tuple[Scalar, ...]:
        """Return the reduced values, once all blocks were read."""
        made = []
        for key in self._ended_late():
            one = self._made[key]
            if not isinstance(one, Calculated):
                continue
            about = one.variable
            try:
                value = self._calculator.end(key)
            except CalculationFailed as problem:
                self.drop(key, problem.code, problem.reason)
                continue
            plain = value.item() if getattr(value, "ndim", 1) == 0 else value
            if isinstance(plain, int | float | bool):
                found = scalar(key, plain, units=about.units)
            else:
                found = Scalar(key=key, value=plain, units=about.units)
            made.append(msgspec.structs.replace(found, attributes=about.attributes))
        return tuple(made)

    def leave(self, key: str, pieces: tuple[Piece, ...]) -> None:
        """Have a linked entry's rows not read: they stay where they lie."""
        one = self._made[key]
        if isinstance(one, Linked):
            variable = msgspec.structs.replace(one.variable, pieces=pieces)
            self._made[key] = msgspec.structs.replace(one, variable=variable)

    def note(self, key: str, words: str) -> None:
        """Add to what is to be known of an entry."""
        former = self.outcomes[key]
        told = "; ".join(one for one in (former.note, words) if one)
        self.outcomes[key] = msgspec.structs.replace(former, note=told)

    def drop(self, key: str, code: str, reason: str) -> None:
        """Leave an entry out from here on."""
        self._made.pop(key, None)
        self.outcomes[key] = msgspec.structs.replace(
            self.outcomes[key], status="issue", code=code, issue=reason
        )

    def _ended_late(self) -> list[str]:
        return [
            key
            for key, one in self._made.items()
            if isinstance(one, Calculated) and one.function.works is Works.REDUCE
        ]

    def _look(self, stream: str) -> None:
        if stream in self._first:
            return
        for key, one in list(self._made.items()):
            if isinstance(one, Calculated) and one.variable.stream == stream:
                try:
                    self._calculator.begin(key, one.call)
                except CalculationFailed as problem:
                    self.drop(key, problem.code, problem.reason)
        self._run_whole(stream)
        rows = self._blocks(stream)
        self._first[stream] = next(rows, None), rows

    def _run_whole(self, stream: str) -> None:
        """Call what takes all rows at once, before the pass that writes."""
        for key, one in list(self._made.items()):
            if not isinstance(one, Calculated) or one.variable.stream != stream:
                continue
            if one.function.works is not Works.WHOLE:
                continue
            try:
                for table in rebatched(self._read(stream, one.call.fields)):
                    operands, _ = _operands(table, one.call.fields)
                    self._calculator.feed(key, operands)
                self._whole[key] = self._calculator.end(key)
            except CalculationFailed as problem:
                self.drop(key, problem.code, problem.reason)

    def _blocks(self, stream: str) -> Iterator[Block]:
        fields = self._fields(stream)
        begin = 0
        for table in rebatched(self._read(stream, fields)):
            columns: dict[str, Any] = {}
            for key, one in list(self._made.items()):
                if _is_read(one, stream):
                    columns[key] = _one(table.column(DATA + one.field))
                elif isinstance(one, Calculated) and one.variable.stream == stream:
                    array = self._calculate(key, one, table, begin)
                    if array is not None:
                        columns[key] = array
            yield Block(
                stream=stream,
                begin=begin,
                columns=columns,
                seq_num=table.column("seq_num").to_numpy(),
                time=table.column("time").to_numpy(),
            )
            begin += table.num_rows

    def _fields(self, stream: str) -> tuple[str, ...]:
        wanted: dict[str, None] = {}
        for one in self._made.values():
            if _is_read(one, stream):
                wanted[one.field] = None
            elif isinstance(one, Calculated) and one.variable.stream == stream:
                wanted.update(dict.fromkeys(one.call.fields))
        return tuple(wanted)

    def _calculate(self, key: str, one: Calculated, table: Any, begin: int) -> Any:
        reduces = one.function.works is Works.REDUCE
        try:
            operands, missing = _operands(table, one.call.fields)
            if reduces and missing is not None:
                operands = [each[~missing] for each in operands]
            found = (
                self._whole[key][begin : begin + table.num_rows]
                if key in self._whole
                else self._calculator.feed(key, operands)
            )
            if found is None:
                return None
            array = packed(found, missing)
            if begin == 0:
                typed = msgspec.structs.replace(one.variable, type=array.type)
                self._made[key] = msgspec.structs.replace(one, variable=typed)
            elif array.type != one.variable.type:
                reason = (
                    f"{one.function.name} gave {array.type} after {one.variable.type}"
                )
                raise CalculationFailed("callable_failed", reason)
        except CalculationFailed as problem:
            if begin:
                raise EntryLost(key, problem.code, problem.reason) from None
            self.drop(key, problem.code, problem.reason)
            return None
        return array


def _is_read(one: Made, stream: str) -> TypeGuard[Linked]:
    """Return whether an entry is a column of the stream whose rows are wanted."""
    return (
        isinstance(one, Linked)
        and one.variable.stream == stream
        and not one.variable.pieces
    )


def rebatched(tables: Iterable[Any]) -> Iterator[Any]:
    """Yield the rows of tables in blocks whose length their types alone settle."""
    import pyarrow as pa

    waiting: list[Any] = []
    held = size = 0
    for table in tables:
        size = size or block_rows(table.schema)
        waiting.append(table)
        held += table.num_rows
        if held < size:
            continue
        whole = pa.concat_tables(waiting)
        full = held - held % size
        for begin in range(0, full, size):
            yield whole.slice(begin, size).combine_chunks()
        held -= full
        waiting = [whole.slice(full)] if held else []
    if held:
        yield pa.concat_tables(waiting).combine_chunks()


def block_rows(schema: Any) -> int:
    """Return how many rows a block of these columns has."""
    widest = max((row_bytes(field.type) for field in schema), default=8)
    return max(1, min(BLOCK_ROWS, BLOCK_BYTES // widest))


def _operands(table: Any, fields: tuple[str, ...]) -> tuple[list[Any], Any]:
    operands, missing = [], None
    for field in fields:
        array = _one(table.column(DATA + field))
        if not _has_nan(array.type) and has_inner_gaps(array):
            reason = f"arrays of {field!r:.60} have null elements, and no NaN to be so"
            raise CalculationFailed("bad_arguments", reason)
        values, mask = unpacked(array)
        operands.append(values)
        if mask is not None:
            missing = mask if missing is None else missing | mask
    return operands, missing


def _has_nan(kind: Any) -> bool:
    import pyarrow as pa

    _, leaf = shape_of(kind)
    return bool(pa.types.is_floating(leaf))


def _one(column: Any) -> Any:
    """Return a column of one block as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks()


def counted(outcomes: Mapping[str, Outcome]) -> int:
    """Return how many entries have an issue."""
    return sum(one.status != "ok" for one in outcomes.values())
