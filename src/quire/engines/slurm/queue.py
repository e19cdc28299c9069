"""Slurm's queue: submit under a name, find by name, end by name."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec

from quire.engines.slurm.commands import Commands
from quire.engines.slurm.endings import ending
from quire.engines.slurm.settings import SlurmSettings
from quire.engines.slurm.states import standing, together
from quire.engines.slurm.submission import sbatch, script
from quire.ports.launcher import LaunchRefused, There

_log = logging.getLogger(__name__)
# Seconds that a runner has for its sweep after SIGTERM, and between two looks.
_SWEEP, _LOOK = 2.0, 0.1


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """How everything of one name stands, and Slurm's number of the last of it."""

    standing: There
    number: str


class Queue:
    """Everything of one user in Slurm; each method raises `LauncherAway`."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings
        self._commands = Commands(settings.environment, patience=settings.patience)

    async def listed(self) -> Mapping[str, Listed]:
        """Return all that Slurm still knows, by name."""
        # Not squeue's own filter: it would fail where there is none of that name.
        told = await self._commands.run(
            *("squeue", "--me", "--states=all", "--noheader", "--format=%T|%A|%j")
        )
        found: dict[str, Listed] = {}
        for line in told.splitlines():
            state, _, rest = line.partition("|")
            number, _, name = rest.partition("|")
            stands = standing(state)
            if name in found:
                stands = together([stands, found[name].standing])
            found[name] = Listed(standing=stands, number=number)
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
        await self._cancel(name, "--batch", "--signal=TERM")
        # Whoever was stopped sweeps as well.
        await self._cancel(name, "--full", "--signal=CONT")
        if await self._gone_within(name, _SWEEP):
            return
        # Without Slurm's grace (KillWait), which the last one would give.
        await self._cancel(name, "--batch", "--signal=KILL")
        await self._cancel(name)

    async def tell_end(self, name: str, number: str) -> None:
        """Write into the log how a job ended, unless it ended well."""
        told = await ending(self._commands, number=number, name=name)
        if "COMPLETED" not in told:
            _log.warning("job %s of Slurm (%s): %s", number, name, told or "forgotten")

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
