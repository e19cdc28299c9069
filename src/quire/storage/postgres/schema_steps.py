"""The steps that lead from one schema to the next, as files of SQL.

The first line of a file says how the step is made beside servers at work:

``-- expand``
    Adds what older servers need not know. In one transaction.
``-- expand concurrently``
    The same, by statements that PostgreSQL refuses in a transaction. What an attempt
    that was broken off has left is removed by the first of them.
``-- fill``
    One statement, repeated, each time in a transaction of its own, until it touches no
    row.
``-- contract N``
    Takes away what servers below schema N need: waits until there are none.
"""

import re
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec

_HEADER = re.compile(r"-- (expand concurrently|expand|fill|contract)(?: (\d+))?\n")


class Way(StrEnum):
    """How a step is made."""

    EXPAND = "expand"
    CONCURRENTLY = "expand concurrently"
    FILL = "fill"
    CONTRACT = "contract"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step.

    Attributes
    ----------
    number
        Of the schema that it leads to.
    oldest
        The oldest schema whose servers can work with the result; 0 for as before.
    text
        Statements of SQL.
    """

    number: int
    way: Way
    oldest: int = 0
    text: str


def steps() -> tuple[Step, ...]:
    """Return all steps that this version knows, in order."""
    return tuple(
        step_of(number, file.read_text(encoding="utf-8"))
        for number, file in sorted(_files().items())
    )


def newest() -> int:
    """Return the schema that this version knows."""
    return max(_files())


def step_of(number: int, text: str) -> Step:
    """Return what a file says.

    Raises
    ------
    ValueError
        Its first line does not tell how.
    """
    header = _HEADER.match(text)
    if header is None or (header[1] == Way.CONTRACT) != bool(header[2]):
        raise ValueError(f"step {number} begins with no word of how it is made")
    way, oldest = Way(header[1]), int(header[2] or 0)
    return Step(number=number, way=way, oldest=oldest, text=text)


def _files() -> dict[int, Traversable]:
    folder = resources.files("quire.storage.postgres") / "migrations"
    return {
        int(entry.name.partition("_")[0]): entry
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    }
