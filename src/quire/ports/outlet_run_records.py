"""Runs of which an outlet has more to tell than its position does."""

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

import msgspec


class RunState(StrEnum):
    """How a run stands with an outlet."""

    DUE = "due"
    """It is to be sent from its first document on."""
    ASIDE = "aside"
    """It could not be sent; nothing of it goes out until somebody decides."""
    REFUSED = "refused"
    """It goes out, but for documents that the target refused for good."""
    SKIPPED = "skipped"
    """Somebody decided, with a reason, to do without what could not be sent."""
    DONE = "done"
    """It was written as a whole."""


class OutletRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as an outlet sees it.

    Attributes
    ----------
    number
        Of its newest document that is to be sent or, if the run is aside, of the one
        that could not be.
    not_before
        Unix seconds; while DUE, not to be tried earlier.
    since
        Unix seconds of its last change of state.
    attempts
        Failures in a row.
    begun
        Whether the target may hold something of it that this outlet wrote.
    refused
        How many of its documents the target refused.
    left_out
        Numbers of the documents that somebody decided to do without.
    error
        Why it could not be sent, or what was refused last.
    reason, by
        Why it was skipped, and who decided so.
    """

    outlet: str
    run: str
    state: RunState
    number: int = 0
    not_before: float = 0.0
    since: float = 0.0
    attempts: int = 0
    begun: bool = False
    refused: int = 0
    left_out: tuple[int, ...] = ()
    error: str = ""
    reason: str = ""
    by: str = ""


class OutletRunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which of an outlet's runs to return, soonest `not_before` first.

    Attributes
    ----------
    ready_at
        Only those that may be tried at these Unix seconds.
    """

    outlet: str
    states: frozenset[RunState]
    limit: int
    ready_at: float | None = None


class OutletRunRecords(Protocol):
    """The runs that outlets keep a record of."""

    def get(self, outlet: str, run: str) -> OutletRun | None:
        """Return how a run stands with an outlet."""
        ...

    def put(self, record: OutletRun) -> None:
        """Store a record in place of the former one."""
        ...

    def remove(self, outlet: str, run: str) -> None:
        """Forget a record; nothing happens if there is none."""
        ...

    def page(self, query: OutletRunQuery) -> tuple[OutletRun, ...]:
        """Return matching records."""
        ...

    def count(self, outlet: str, states: Collection[RunState]) -> int:
        """Return how many of an outlet's runs are in any of these states."""
        ...
