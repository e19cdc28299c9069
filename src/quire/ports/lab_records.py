"""Labs in the store."""

from typing import Protocol

from quire.labs.lab import Lab


class LabRecords(Protocol):
    """The labs, one a user."""

    def get(self, user: str) -> Lab | None:
        """Return a user's lab, also where it was deleted."""
        ...

    def of_operation(self, operation: str) -> Lab | None:
        """Return the lab with this id."""
        ...

    def put(self, lab: Lab) -> None:
        """Store a lab in place of what was there of its user."""
        ...

    def all(self) -> tuple[Lab, ...]:
        """Return everybody's labs by their users' names."""
        ...
