"""Labs in memory."""

from quire.labs.lab import Lab
from quire.storage.memory.journal import Journal


class MemoryLabs:
    """`quire.ports.lab_records.LabRecords` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._labs: dict[str, Lab] = {}

    def get(self, user: str) -> Lab | None:
        """Return a user's lab, also where it was deleted."""
        return self._labs.get(user)

    def of_operation(self, operation: str) -> Lab | None:
        """Return the lab with this id."""
        found = (lab for lab in self._labs.values() if lab.id == operation)
        return next(found, None)

    def put(self, lab: Lab) -> None:
        """Store a lab in place of what was there of its user."""
        self._journal.set(self._labs, lab.user, lab)

    def all(self) -> tuple[Lab, ...]:
        """Return everybody's labs by their users' names."""
        return tuple(self._labs[user] for user in sorted(self._labs))
