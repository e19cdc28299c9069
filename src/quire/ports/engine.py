"""The engine: where attempts run. A launcher only; the job's row is the truth."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from quire.errors import QuireError
from quire.jobs.share import Places


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


class NoFreeSlot(QuireError):
    """The engine can launch nothing now."""

    code = "no_free_slot"

    def __init__(self, slots: int) -> None:
        self.slots = slots
        super().__init__(f"none of the {slots} slots is free")


class Engine(Protocol):
    """Runs attempts somewhere.

    Guarantees
    ----------
    - `launch` is idempotent on job and attempt.
    - After `kill` returns no process of the attempt is left, double-forked
      descendants included, and nothing of it writes any more.
    - An attempt that ends without a verdict (its process died) is reported by
      `quire.actions.attempts.Attempts.lose`, claimed or not, once nothing of it is
      left; one that was killed, or cut off by `stop`, is not.
    - Whatever an attempt left in its folder is cleared then, unless it completed.
    - When an attempt can be launched again, the doorbell rings for ``"jobs"``.
    """

    async def start(self) -> None:
        """Get ready to launch."""
        ...

    def free(self) -> int:
        """Return how many attempts can be launched now."""
        ...

    async def launch(self, launch: Launch) -> None:
        """Start an attempt.

        Raises
        ------
        NoFreeSlot
            There is no room for it now.
        """
        ...

    async def kill(self, job: str, attempt: int) -> None:
        """End an attempt and everything that it started; idempotent."""
        ...

    async def stop(self) -> None:
        """Kill everything and let go."""
        ...


class EngineChoice(Protocol):
    """Which of several engines runs the attempts of a kind."""

    def room(self) -> Callable[[str], Places]:
        """Return what gives for a kind where it runs, and how many can begin there."""
        ...

    def lasting(self, kind: str) -> bool:
        """Return whether attempts of a kind wait elsewhere and outlive the server."""
        ...

    def led(self) -> frozenset[str]:
        """Return which engines this server launches on and watches over.

        On a scheduler that several servers share one of them does; where it dies,
        another.
        """
        ...

    async def adopt(self, launch: Launch) -> None:
        """Take up an attempt that another server launched, or this one earlier."""
        ...
