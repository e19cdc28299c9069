"""The orders of runs, as columns of `run_view`, and places in them."""

from typing import NamedTuple

from quire.ports.run_finder import RunOrder, RunPlace
from quire.storage.postgres.bindings import Bindings
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.run_columns import ABSENT, newest

_BY_NUMBER = (RunOrder.NUMBER, RunOrder.NUMBER_DESCENDING)
_DESCENDING = (RunOrder.NEWEST, RunOrder.NUMBER_DESCENDING)


class OrderKey(NamedTuple):
    """An order that an index has."""

    columns: tuple[str, ...]
    descending: bool

    def text(self) -> str:
        """Return what stands behind ORDER BY."""
        way = " DESC" if self.descending else ""
        return ", ".join(f"v.{column}{way}" for column in self.columns)

    def behind(self, place: RunPlace, bindings: Bindings) -> str:
        """Return the condition of what stands behind a place."""
        uid = bindings.add(to_key(place.uid), "bytea")
        if self.columns[0] == "newest":
            first = [bindings.add(newest(place.time), "double precision")]
        else:
            numbers = (place.experiment, place.run)
            first = [
                bindings.add(ABSENT if one is None else one, "bigint")
                for one in numbers
            ]
        columns = ", ".join(f"v.{column}" for column in self.columns)
        return (
            f"({columns}) {'<' if self.descending else '>'} ({', '.join(first)}, {uid})"
        )


def order_key(order: RunOrder) -> OrderKey:
    """Return the columns of an order."""
    by_number = order in _BY_NUMBER
    columns = ("experiment", "number", "uid") if by_number else ("newest", "uid")
    return OrderKey(columns, order in _DESCENDING)
