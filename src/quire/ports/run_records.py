"""Runs in the store."""

from typing import Protocol

import msgspec

from quire.access.visibility import Keys
from quire.runs.run import Run


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to return, newest first.

    Newest means the greatest (`time`, `uid`); runs without a start document, and so
    without a time, come last.

    Attributes
    ----------
    visible
        Only runs that one of these keys may see; None for all.
    before
        Only runs that stand behind this (time, uid) in that order; time None for a
        run without one.
    scan_id
        Only runs with it.
    prefix
        Only runs whose uid begins so.
    lapsed_at
        Only runs that are open, not yet marked interrupted, and whose lease ended
        before these Unix seconds.
    """

    limit: int
    visible: Keys = None
    before: tuple[float | None, str] | None = None
    scan_id: int | None = None
    prefix: str = ""
    lapsed_at: float | None = None


class RunRecords(Protocol):
    """The runs."""

    def get(self, uid: str) -> Run | None:
        """Return a run by its full uid."""
        ...

    def put(self, run: Run) -> None:
        """Store a run in place of what was there under its uid."""
        ...

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        """Return matching runs, newest first."""
        ...
