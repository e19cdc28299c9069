"""Finding runs among many."""

from enum import StrEnum
from typing import Protocol

import msgspec

from quire.access.visibility import Keys
from quire.errors import QuireError
from quire.runs.query.tree import Tree
from quire.runs.run import Run


class SearchTooSlow(QuireError):
    """A search would have taken too long."""

    code = "search_too_slow"

    def __init__(self, seconds: float) -> None:
        self.limit = seconds
        super().__init__(
            f"the search took more than {seconds:g} s; narrow it by time or by an"
            " equality, or have an operator run 'quire index add FIELD'"
        )


class RunOrder(StrEnum):
    """In which order runs are wanted; each ends with the uid."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NUMBER = "number"
    NUMBER_DESCENDING = "-number"


class RunPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands in every order.

    Attributes
    ----------
    time
        Start time, Unix seconds.
    experiment, run
        Its numbers.
    """

    uid: str
    time: float | None = None
    experiment: int | None = None
    run: int | None = None


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs.

    Attributes
    ----------
    where
        A checked tree; None for all.
    visible
        Keys of who asks; None for everybody's runs.
    """

    where: Tree | None = None
    visible: Keys = None


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs a selection has.

    Attributes
    ----------
    lacking
        Runs for which it could not be told, for lack of a value.
    exact
        False where counting stopped early: there are at least so many.
    """

    matched: int
    lacking: int
    exact: bool


class ValueCount(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a field, and how many runs have it."""

    value: str | int | float | bool
    runs: int


class RunFinder(Protocol):
    """Searches.

    Guarantees
    ----------
    - A run is found as soon as the decision that put it is committed.
    - What `quire.runs.query.evaluate` says of a run is what a search says.
    - A search that takes too long ends with `SearchTooSlow`.
    """

    def page(
        self,
        selection: Selection,
        order: RunOrder,
        behind: RunPlace | None,
        limit: int,
    ) -> tuple[Run, ...]:
        """Return matching runs in the order asked for, from behind a place on."""
        ...

    def count(self, selection: Selection, most: int, *, lacking: bool = True) -> Count:
        """Count matching runs, up to so many.

        Parameters
        ----------
        lacking
            Whether to count what is left out for lack of a value, too.
        """
        ...

    def distinct(
        self, selection: Selection, path: str, limit: int
    ) -> tuple[ValueCount, ...]:
        """Return the values of a field among matching runs, most frequent first."""
        ...

    def facets(
        self, fields: tuple[str, ...], visible: Keys, limit: int
    ) -> dict[str, tuple[ValueCount, ...]]:
        """Return, from kept counters, how many runs have each value of fields."""
        ...

    def explain(self, selection: Selection, order: RunOrder) -> tuple[str, ...]:
        """Return, line by line, how the selection would be found."""
        ...
