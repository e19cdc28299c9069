"""The embedded engine: attempts run in supervised child processes of the server."""

import asyncio
import functools
import hashlib
from collections.abc import Sequence

from quire.actions.attempts import Attempts
from quire.engines.embedded.processes import kill_marked
from quire.engines.embedded.slot import Slot
from quire.engines.embedded.supervision import Supervision
from quire.jobs.limits import KindLimits
from quire.ports.doorbell import Doorbell
from quire.ports.engine import Launch, NoFreeSlot


class EmbeddedEngine:
    """A `quire.ports.engine.Engine` of warm child processes on this machine.

    Attempts die with the server. One engine serves one data folder; what an earlier
    one left running there is killed at the start.

    Parameters
    ----------
    doorbell
        Rung for ``"jobs"`` when an attempt can be launched again.
    program
        The supervisor's module and its arguments, as `quire.worker` takes them.
    slots
        How many attempts run at the same time.
    limits
        What the attempts of each kind may use.
    server
        The name of this one, where several serve a data folder; each has its engine.
    """

    def __init__(
        self,
        attempts: Attempts,
        doorbell: Doorbell,
        program: Sequence[str],
        *,
        slots: int,
        limits: KindLimits | None = None,
        server: str = "",
    ) -> None:
        self._attempts = attempts
        self._program = tuple(program)
        place = f"{attempts.data_folder.resolve()}{server and chr(0)}{server}".encode()
        self._marker = hashlib.sha256(place).hexdigest()[:32]
        self._log_folder = attempts.data_folder / "log" / server
        self._slots = tuple(
            Slot(
                attempts,
                functools.partial(self._supervise, number),
                limits or KindLimits(),
                on_free=lambda: doorbell.ring(["jobs"]),
            )
            for number in range(slots)
        )

    async def start(self) -> None:
        """Kill what is left of an earlier server, then start the supervisors."""
        await asyncio.to_thread(kill_marked, f"{self._marker}/")
        self._log_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for slot in self._slots:
            slot.start()

    def free(self) -> int:
        """Return how many attempts can be launched now."""
        return sum(slot.free for slot in self._slots)

    async def launch(self, launch: Launch) -> None:
        """Start an attempt.

        Raises
        ------
        NoFreeSlot
            None is free.
        """
        if any(slot.runs(launch.job, launch.attempt) for slot in self._slots):
            return
        for slot in self._slots:
            if slot.free:
                slot.launch(launch)
                return
        raise NoFreeSlot(len(self._slots))

    async def kill(self, job: str, attempt: int) -> None:
        """End an attempt and everything that it started; idempotent."""
        for slot in self._slots:
            if slot.running is not None and slot.runs(job, attempt):
                await slot.running.kill()

    async def stop(self) -> None:
        """Kill everything and let go."""
        await asyncio.gather(*(slot.stop() for slot in self._slots))

    def _supervise(self, number: int) -> Supervision:
        return Supervision(
            self._program,
            # The slash ends the number: 1 is no beginning of 10.
            marker=f"{self._marker}/{number}/",
            log=self._log_folder / f"slot-{number}.log",
        )
