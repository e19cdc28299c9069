"""Attempts as batch jobs of Slurm, one each, or handed to pilots."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from quire.engines.launching import runner_command, runner_environment
from quire.engines.slurm.names import Names
from quire.engines.slurm.pilots import Pilots
from quire.engines.slurm.queue import Listed, Queue
from quire.engines.slurm.settings import SlurmSettings
from quire.engines.slurm.submission import check_tags, resource_options
from quire.errors import InputError
from quire.ports.launcher import (
    AttemptKey,
    LauncherAway,
    LaunchRefused,
    RunnerOrder,
    Seen,
    There,
)

_log = logging.getLogger(__name__)
# Attempts that are known to have been submitted; the oldest are forgotten.
_REMEMBERED = 100_000


class SlurmLauncher:
    """A `quire.ports.launcher.Launcher` over sbatch, squeue and scancel.

    An attempt is known by its name in Slurm, so that one that was submitted before is
    found again: after a restart of the server, and where sbatch gave no answer.

    Parameters
    ----------
    data_folder
        The server's; tells its attempts from those of other servers.
    """

    def __init__(
        self, data_folder: Path, settings: SlurmSettings | None = None
    ) -> None:
        self._settings = settings or SlurmSettings()
        self._names = Names(data_folder)
        self._queue = Queue(self._settings)
        self._pilots = Pilots(data_folder, self._settings, self._queue, self._names)
        # Slurm's number of each, empty where no answer came.
        self._submitted: dict[AttemptKey, str] = {}
        self._doubtful: set[AttemptKey] = set()
        self._endings: dict[AttemptKey, str] = {}
        self._looked = False

    async def start(self) -> None:
        """Take up what an earlier server submitted, if Slurm answers now."""
        try:
            await self._look()
        except LauncherAway as problem:
            _log.warning("%s; attempts wait until it answers", problem)

    async def launch(self, order: RunnerOrder) -> None:
        """Submit an attempt, if it was not submitted before.

        Raises
        ------
        LauncherAway
            Slurm does not answer; it is looked for before it is submitted again.
        LaunchRefused
            Slurm does not take it; says why.
        """
        key = order.job, order.attempt
        try:
            check_tags(order.resources.tags, place="tags")
        except InputError as problem:
            raise LaunchRefused(str(problem)) from None
        if not self._looked or key in self._doubtful:
            await self._look()
        if key in self._submitted:
            return
        # Pilots are reached through the data folder, and so are their results.
        if self._settings.pilots and not order.scratch:
            await self._pilots.launch(order)
            return
        self._doubtful.add(key)
        try:
            number = await self._submit(key, order)
        except LaunchRefused:
            self._doubtful.discard(key)
            raise
        self._doubtful.discard(key)
        self._remember(key, number)

    async def kill(self, key: AttemptKey) -> None:
        """Have Slurm end an attempt, or take it out of its queue; idempotent.

        Raises
        ------
        LauncherAway
            Slurm does not answer.
        """
        if not await self._pilots.kill(key):
            await self._queue.end(self._names.of(key))

    async def poll(self, keys: Sequence[AttemptKey]) -> Mapping[AttemptKey, Seen]:
        """Return how attempts stand with Slurm.

        What it does not know any more is gone: it knows everything that waits or runs.

        Raises
        ------
        LauncherAway
            Slurm does not answer.
        """
        doubtful = set(self._doubtful)
        listed = await self._look()
        seen = dict(await self._pilots.seen(keys, listed))
        for key in keys:
            found = listed.get(self._names.of(key))
            if key in seen:
                continue
            if found is not None and found.standing is not There.GONE:
                seen[key] = Seen(there=found.standing, why=found.why)
            elif found is not None or key not in doubtful:
                seen[key] = Seen(there=There.GONE, why=await self._ending(key, found))
        return seen

    async def stop(self) -> None:
        """Let go; what Slurm has goes on."""

    async def _submit(self, key: AttemptKey, order: RunnerOrder) -> str:
        return await self._queue.submit(
            self._names.of(key),
            runner_command(order, python=self._settings.python),
            resource_options(order.resources, seconds=order.deadline),
            runner_environment(order),
        )

    async def _look(self) -> Mapping[str, Listed]:
        listed = await self._queue.listed()
        for name, found in listed.items():
            key = self._names.key(name)
            if key is not None:
                self._doubtful.discard(key)
                self._remember(key, found.number)
        self._looked = True
        return listed

    def _remember(self, key: AttemptKey, number: str) -> None:
        self._submitted[key] = number
        if len(self._submitted) > _REMEMBERED:
            oldest = next(iter(self._submitted))
            del self._submitted[oldest]
            self._endings.pop(oldest, None)

    async def _ending(self, key: AttemptKey, found: Listed | None) -> str:
        if key not in self._submitted or (found and found.state == "COMPLETED"):
            return ""
        if key not in self._endings:
            number = self._submitted[key]
            self._endings[key] = await self._queue.ending(self._names.of(key), number)
        return self._endings[key]
