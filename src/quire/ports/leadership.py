"""Which of several servers on one store does what is to be done once."""

from typing import Protocol


class Leadership(Protocol):
    """Says whether this server is the one for a task.

    Guarantees
    ----------
    - At most one server has a task; where it dies, another gets it once asked.
    - What a server does in the belief that it has a task may, at a moment of change,
      be done by two: it must be harmless twice, as every decision is.
    """

    async def holds(self, task: str) -> bool:
        """Return whether this server has the task, taken now if nobody has it."""
        ...

    async def leave(self, task: str) -> None:
        """Leave a task to others; nothing happens where it is not held."""
        ...

    async def aclose(self) -> None:
        """Leave all tasks to others."""
        ...
