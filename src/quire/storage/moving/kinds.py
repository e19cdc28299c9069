"""What a store consists of, in rows that no database is seen in."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from quire.storage.postgres.keys import to_key

Row = tuple[Any, ...]
"""The values of a kind's columns in their order, its key first."""

LAST: Row = ("last",)
"""In place of a key: only the row with the greatest one is asked for."""


class Column(StrEnum):
    """What a column holds, as `Row` has it."""

    UID = "uid"
    """A uid as text."""
    TEXT = "text"
    """Any text, also one with a NUL."""
    NAME = "name"
    """A text of a fixed set."""
    INTEGER = "integer"
    NUMBER = "number"
    """A float."""
    FLAG = "flag"
    BYTES = "bytes"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of row.

    Attributes
    ----------
    columns
        Names and types; those of the key first.
    keys
        How many of them are the key.
    grows
        Whether new rows alone come, each with a greater key than all before it.
    """

    name: str
    columns: tuple[tuple[str, Column], ...]
    keys: int = 1
    grows: bool = False

    def key(self, row: Row) -> Row:
        """Return the key of a row."""
        return row[: self.keys]

    def place(self, row: Row) -> Row:
        """Return what a row stands in order by."""
        return tuple(
            [to_key(one) if isinstance(one, str) else one for one in self.key(row)]
        )


def _kind(name: str, columns: str, *, keys: int = 1, grows: bool = False) -> Kind:
    split = (column.split(":") for column in columns.split())
    named = tuple((column, Column(kind)) for column, kind in split)
    return Kind(name=name, columns=named, keys=keys, grows=grows)


# In an order in which each finds what it needs of those before it.
KINDS = (
    _kind("block", "id:integer run:uid directory:bytes body:bytes", grows=True),
    _kind("waiting", "waits_for:uid number:integer", keys=2),
    _kind("adopted", "run:uid number:integer", keys=2),
    _kind("anchor", "uid:uid run:uid"),
    _kind(
        "outbox_late",
        "id:integer run:uid number:integer behind:integer",
        grows=True,
    ),
    _kind("outlet", "name:text number:integer late:integer"),
    _kind(
        "outlet_run",
        "outlet:text run:uid state:name not_before:number record:bytes",
        keys=2,
    ),
    _kind("field_index", "path:name"),
    _kind("run", "uid:uid record:bytes"),
    _kind("run_change", "run:uid version:integer batch:text entry:bytes", keys=2),
    _kind(
        "run_list",
        "name:text version:integer done:flag head:bytes members:bytes",
        keys=2,
    ),
    _kind(
        "saved_query",
        "name:text owner:text version:integer standing:integer record:bytes",
        keys=3,
    ),
    _kind("job", "id:uid number:integer record:bytes"),
    _kind("reservation", "space:text name:text job:text", keys=2),
    _kind(
        "acquisition",
        "id:text job:uid file_id:text owner:text substate:name created:number"
        " changed:number record:bytes",
    ),
    _kind("acquisition_change", "number:integer acquisition:text record:bytes"),
    _kind("product", "id:uid owner:text made:number record:bytes"),
    _kind("product_run", "run:uid product:uid", keys=2),
    _kind(
        "progress_head",
        "operation:uid first:integer last:integer highest:integer final:flag",
    ),
    _kind(
        "progress_entry",
        "operation:uid number:integer at:number type:name message:text"
        " progress:integer",
        keys=2,
    ),
    _kind("token", "hash:text created:number record:bytes"),
    _kind("inlet_position", "inlet:text key:text state:bytes", keys=2),
    _kind(
        "inlet_aside",
        "id:integer inlet:text place:text digest:text record:bytes",
        grows=True,
    ),
    _kind("lab", "user:text operation:uid record:bytes"),
    _kind("switch", "space:text name:text record:bytes", keys=2),
    _kind("counter", "name:name last:integer"),
)


def size_of(rows: Iterable[Row]) -> int:
    """Return about how many bytes rows hold."""
    return sum(len(one) for row in rows for one in row if isinstance(one, bytes))
