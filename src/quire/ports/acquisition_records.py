"""Acquisitions in the store: views of their jobs, which outlive them."""

from typing import Protocol

import msgspec

from quire.products.acquisition import Acquisition
from quire.products.acquisition_states import Substate

ACQUISITIONS = "acquisitions"
"""What the doorbell is rung for when an acquisition has changed."""


class AcquisitionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which acquisitions to return, newest first by (created, id).

    Attributes
    ----------
    substates
        Any of these; empty for all.
    text
        Only those whose id or file id holds this.
    since, until
        Only those that were queued then or later, and before (Unix seconds).
    before
        Only those that stand behind this (created, id).
    changed_before
        Only those whose newest change is older (Unix seconds).
    """

    limit: int
    owner: str | None = None
    substates: frozenset[Substate] = frozenset()
    text: str = ""
    since: float | None = None
    until: float | None = None
    before: tuple[float, str] | None = None
    changed_before: float | None = None


class AcquisitionChange(msgspec.Struct, frozen=True, kw_only=True):
    """An acquisition as it stood after one change.

    Attributes
    ----------
    number
        Grows with every change of any acquisition; never used again.
    """

    number: int
    acquisition: Acquisition


class AcquisitionRecords(Protocol):
    """The acquisitions.

    Guarantees
    ----------
    - A decision that puts or removes the job of an acquisition changes the
      acquisition with it; every change of its substate or its alerts is kept.
    - After such a commit the doorbell is rung for `ACQUISITIONS`.
    - What is known of an acquisition stays when its job is removed.
    """

    def get(self, acquisition: str) -> Acquisition | None:
        """Return an acquisition by its id."""
        ...

    def page(self, query: AcquisitionQuery) -> tuple[Acquisition, ...]:
        """Return matching acquisitions, newest first."""
        ...

    def changes(self, after: int, limit: int) -> tuple[AcquisitionChange, ...]:
        """Return the changes with numbers above `after`, in order."""
        ...

    def newest_change(self) -> int:
        """Return the number of the newest change, 0 before the first."""
        ...

    def remove(self, acquisition: str) -> None:
        """Forget an acquisition and its changes; its id stays taken."""
        ...
