"""The engine: where attempts run. A launcher only; the job's row is the truth."""

from typing import Protocol

import msgspec


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to be run.

    Attributes
    ----------
    deadline
        Seconds after which the engine kills it, 0 for no limit.
    """

    job: str
    attempt: int
    kind: str
    deadline: float = 0.0


class Engine(Protocol):
    """Runs attempts somewhere.

    Guarantees
    ----------
    - `launch` is idempotent on job and attempt.
    - After `kill` returns no process of the attempt is left, double-forked
      descendants included, and nothing of it writes any more.
    - An attempt that ends without a verdict (its process died) is reported by
      `quire.actions.attempts.lose`.
    """

    async def start(self) -> None:
        """Get ready to launch."""
        ...

    def free(self) -> int:
        """Return how many attempts can be launched now."""
        ...

    async def launch(self, launch: Launch) -> None:
        """Start an attempt."""
        ...

    async def kill(self, job: str, attempt: int) -> None:
        """End an attempt and everything that it started; idempotent."""
        ...

    async def stop(self) -> None:
        """Kill everything and let go."""
        ...
