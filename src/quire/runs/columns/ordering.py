"""Rows by sequence number, and which of them a rewind superseded."""

from typing import Any

from quire.runs.columns.configuration import Configuration
from quire.runs.columns.layout import ColumnView, metadata


def in_order(
    table: Any, configuration: Configuration, descriptors: list[int]
) -> ColumnView:
    """Return the view of a table's rows, sorted and marked.

    Of several rows with one sequence number the one with the greatest time counts,
    then the one with the greatest uid (bluesky issue 117); the others stand before it.

    Parameters
    ----------
    descriptors
        The final number of each descriptor by its number in the table.
    """
    import numpy as np
    import pyarrow as pa

    numbers = table.column("seq_num").to_numpy()
    superseded = np.zeros(len(numbers), bool)
    if not np.all(np.diff(numbers) > 0):
        table = _sorted(table, numbers)
        numbers = table.column("seq_num").to_numpy()
        superseded[:-1] = numbers[1:] == numbers[:-1]
    place = table.schema.get_field_index("descriptor")
    table = table.set_column(
        place, table.field(place), _renumbered(table.column(place), descriptors)
    ).add_column(
        place + 1,
        pa.field("superseded", pa.bool_(), nullable=False),
        pa.chunked_array([superseded]),
    )
    count = int(superseded.sum())
    return ColumnView(
        table=table.replace_schema_metadata(metadata(configuration, count)),
        configuration=configuration,
        superseded=count,
    )


def _sorted(table: Any, numbers: Any) -> Any:
    import numpy as np

    times = table.column("time").to_numpy()
    order = np.lexsort((times, numbers))
    if np.any(_alike(numbers[order]) & _alike(times[order])):
        # Only now is it worth the memory: uids of one width take 36 characters each.
        uids = np.array(table.column("uid").to_pylist(), dtype=np.str_)
        order = np.lexsort((uids, times, numbers))
    return table.take(order)


def _alike(values: Any) -> Any:
    """Return of each value but the first whether it equals the one before."""
    return values[1:] == values[:-1]


def _renumbered(column: Any, descriptors: list[int]) -> Any:
    import numpy as np
    import pyarrow as pa

    if descriptors == list(range(len(descriptors))):
        return column
    final = np.array(descriptors, np.int32)
    return pa.chunked_array([pa.array(final[column.to_numpy()])])
