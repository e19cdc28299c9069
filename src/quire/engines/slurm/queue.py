"""Slurm's queue: submit under a name, find by name, end by name."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec

from quire.engines.slurm.commands import Commands
from quire.engines.slurm.endings import ending
from quire.engines.slurm.settings import SlurmSettings
from quire.engines.slurm.states import HALTED, standing, together
from quire.engines.slurm.submission import sbatch, script
from quire.ports.launcher import LauncherAway, LaunchRefused, There

_log = logging.getLogger(__name__)
# Seconds that a runner has for its sweep after SIGTERM, and between two looks.
_SWEEP, _LOOK = 2.0, 0.1
_TO_THE_RUNNER = ("--state=RUNNING", "--batch")


# Reasons that Slurm gives before it has looked, or while all goes well.
_NO_REASON = frozenset({"", "None", "Cleaning", "Prolog"})


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """How what has a name stands; of several, that which may still write.

    Attributes
    ----------
    number, state, reason
        As Slurm has them.
    """

    number: str
    state: str
    reason: str = ""

    @property
    def standing(self) -> There:
        """What its state means."""
        return standing(self.state)

    @property
    def why(self) -> str:
        """What keeps it from its work, in words for a log; empty for nothing."""
        if self.state in HALTED:
            return f"Slurm has suspended it (job {self.number})"
        if self.standing is There.WAITING and self.reason not in _NO_REASON:
            return f"it waits in Slurm as job {self.number}: {self.reason}"
        return ""


class Queue:
    """Everything of one user in Slurm; each method raises `LauncherAway`."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings
        self._commands = Commands(settings.environment, patience=settings.patience)

    async def listed(self) -> Mapping[str, Listed]:
        """Return all that Slurm still knows, by name."""
        # Not squeue's own filter: it would fail where there is none of that name.
        try:
            told = await self._commands.run(
                *("squeue", "--me", "--states=all", "--noheader"),
                "--format=%T|%A|%j|%r",
            )
        except LaunchRefused as problem:  # it was asked for nothing that it may refuse
            raise LauncherAway(problem.reason) from None
        found: dict[str, Listed] = {}
        for line in told.splitlines():
            state, number, name, reason = (*line.split("|", 3), *[""] * 3)[:4]
            one = Listed(number=number, state=state, reason=reason)
            stronger = one.standing
            if name in found:
                stronger = together([stronger, found[name].standing])
            if stronger is one.standing:
                found[name] = one
        return found

    async def submit(
        self,
        name: str,
        command: Sequence[str],
        options: Sequence[str],
        environment: Mapping[str, str],
    ) -> str:
        """Submit a job and return its number.

        Parameters
        ----------
        environment
            Joins that of the commands; Slurm hands it to the job alone, while command
            lines and scripts are public.

        Raises
        ------
        LaunchRefused
            Slurm does not take it; says why.
        """
        settings = self._settings
        submission = sbatch(
            name, options, output=settings.output, extra=settings.options
        )
        text = script(command, settings.preamble)
        said = await self._commands.run(*submission, text=text, environment=environment)
        # With several clusters, "number;cluster".
        return said.splitlines()[-1].partition(";")[0] if said else ""

    async def end(self, name: str) -> None:
        """End all of a name, or take it out of the queue; idempotent."""
        # SIGTERM for the batch script alone, which is a runner: it sweeps. Whoever only
        # waits has no script.
        await self._cancel(name, "--state=PENDING")
        # Slurm hands no signal to what it has suspended (scancel would try for a
        # minute); it wakes what it cancels, with SIGTERM first.
        await self._cancel(name, "--state=SUSPENDED")
        await self._cancel(name, *_TO_THE_RUNNER, "--signal=TERM")
        # Whoever was stopped sweeps as well.
        await self._cancel(name, "--state=RUNNING", "--full", "--signal=CONT")
        if await self._gone_within(name, _SWEEP):
            return
        # Without Slurm's grace (KillWait), which the last one would give.
        await self._cancel(name, *_TO_THE_RUNNER, "--signal=KILL")
        await self._cancel(name)

    async def ending(self, name: str, number: str) -> str:
        """Return how a job ended, in words for a log; empty if it ended well."""
        told = await ending(self._commands, number=number, name=name)
        if "COMPLETED" in told:
            return ""
        _log.warning("job %s of Slurm (%s): %s", number, name, told or "forgotten")
        return f"Slurm's job {number}: {told or 'forgotten there'}"

    async def _cancel(self, name: str, *options: str) -> None:
        try:
            await self._commands.run("scancel", "--quiet", f"--name={name}", *options)
        except LaunchRefused as problem:  # it has ended just now
            _log.debug("scancel of %s: %s", name, problem)

    async def _gone_within(self, name: str, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (found := (await self.listed()).get(name)) is not None:
            if found.standing is There.GONE:
                break
            if loop.time() > deadline:
                return False
            await asyncio.sleep(_LOOK)
        return True
