"""The doorbell: a hint that something changed; the records are the truth."""

from collections.abc import Iterable
from typing import Protocol


class Doorbell(Protocol):
    """Wakes those who wait for a change.

    A ring that comes between a look at the records and the `wait` must not be
    missed: take `ticket` first, then look, then wait with it.
    """

    def ring(self, topics: Iterable[str]) -> None:
        """Wake all who wait for any of these topics; safe from any thread."""
        ...

    def ticket(self, topic: str) -> int:
        """Return a number that changes with each ring of the topic."""
        ...

    async def wait(self, topic: str, ticket: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until the topic was rung since the ticket was taken.

        Parameters
        ----------
        timeout
            Seconds after which False is returned.
        """
        ...
