"""Which engine runs which kind, as the settings have it."""

import asyncio
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from quire.engines.distributed import DistributedEngine
from quire.errors import InputError
from quire.jobs.limits import KindLimits, Limits
from quire.jobs.share import Places
from quire.ports.engine import Engine, Launch
from quire.ports.launcher import Launcher, Resources

EMBEDDED = "embedded"
"""The name of the engine that needs no table."""

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A table ``[engines.NAME]``; what stands there besides goes to its launcher.

    Attributes
    ----------
    type
        ``dask``, ``slurm``, or ``module:function`` of a launcher.
    slots
        Attempts that may wait and run there at one time.
    url
        Where its machines find this server, or several on the same store, of which they
        ask one after the other; empty for what the server says of itself.
    data_folder
        Where they see the data folder, empty for the same place.
    results
        ``s3://bucket/prefix`` through which results come back, empty for the data
        folder.
    scratch
        Folder of the runners' own on those machines, where results come back so.
    grace
        Seconds that a runner has to sweep before it is ended by force.
    poll
        Seconds between two questions to the scheduler.
    cores, memory, wall_clock, partition, tags
        For kinds that do not say; see `quire.ports.launcher.Resources`.
    """

    type: str
    slots: Annotated[int, msgspec.Meta(ge=1)] = 16
    url: str | tuple[str, ...] = ""
    data_folder: str = ""
    results: str = ""
    scratch: str = ""
    grace: _Positive = 2.0
    poll: _Positive = 2.0
    cores: _Count = 0
    memory: _Count = 0
    wall_clock: _Count = 0
    partition: str = ""
    tags: tuple[str, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """What `url` says, empty if it says nothing."""
        given = (self.url,) if isinstance(self.url, str) else self.url
        return tuple(url for url in given if url)

    def resources(self, limits: Limits, *, seconds: float) -> Resources:
        """Return what an attempt of a kind asks for.

        Parameters
        ----------
        seconds
            After which the attempt ends in any case, 0 for no limit.
        """
        return Resources(
            cores=limits.cores or self.cores,
            memory=self.memory or limits.memory or 0,
            wall_clock=int(seconds) or limits.wall_clock or self.wall_clock,
            partition=limits.partition or self.partition,
            tags=limits.tags or self.tags,
        )


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What runners elsewhere make the kinds of job of; see `RunnerOrder`."""

    kinds: str
    tables: str


def read_engines(
    raw: Mapping[str, Mapping[str, Any]],
) -> dict[str, tuple[EngineSettings, dict[str, Any]]]:
    """Return the settings of every engine by name, and what is its launcher's.

    Raises
    ------
    InputError
        A table cannot be used; names it.
    """
    ours = set(EngineSettings.__struct_fields__)
    found = {}
    for name, table in raw.items():
        if name == EMBEDDED:
            raise InputError(f"engines.{name}", "is the name of the server's own")
        try:
            settings = msgspec.convert(dict(table), EngineSettings)
        except msgspec.ValidationError as error:
            raise InputError(f"engines.{name}", str(error)) from None
        if settings.results and not settings.scratch:
            mend = "a folder of the runners' own on those machines"
            raise InputError(f"engines.{name}.scratch", "is missing", mend)
        rest = {key: value for key, value in table.items() if key not in ours}
        found[name] = settings, rest
    return found


def make_launcher(
    name: str,
    settings: EngineSettings,
    rest: Mapping[str, Any],
    tables: Tables,
    data_folder: Path,
) -> Launcher:
    """Return the launcher of an engine.

    Raises
    ------
    InputError
        There is none of that type, or its table cannot be used.
    """
    try:
        if settings.type == "dask":
            from quire.engines.dask.launcher import make

            return make(rest, kinds=tables.kinds, tables=tables.tables)
        if settings.type == "slurm":
            return _slurm(name, rest, data_folder)
        return _own(settings.type, rest)
    except (InputError, msgspec.ValidationError) as error:
        raise InputError(f"engines.{name}", str(error)) from None


class ChoosingEngine:
    """An engine, and an `EngineChoice`, of several engines.

    Parameters
    ----------
    engines
        By name; the embedded one among them.
    limits
        Says which kind runs where.
    """

    def __init__(self, engines: Mapping[str, Engine], limits: KindLimits) -> None:
        self._engines = dict(engines)
        self._limits = limits
        limits.check_engines(self._engines)

    async def start(self) -> None:
        """Start all of them."""
        await asyncio.gather(*(one.start() for one in self._engines.values()))

    def free(self) -> int:
        """Return how many attempts can be launched now, in all of them together."""
        return sum(one.free() for one in self._engines.values())

    async def launch(self, launch: Launch) -> None:
        """Start an attempt where its kind runs.

        Raises
        ------
        NoFreeSlot
            There is no room for it there.
        """
        await self._engine(launch.kind).launch(launch)

    async def kill(self, job: str, attempt: int) -> None:
        """End an attempt, wherever it runs."""
        engines = self._engines.values()
        await asyncio.gather(*(one.kill(job, attempt) for one in engines))

    async def stop(self) -> None:
        """Stop all of them."""
        await asyncio.gather(*(one.stop() for one in self._engines.values()))

    def room(self) -> Callable[[str], Places]:
        """Return what gives for a kind where it runs, and how many can begin there."""
        free = {name: one.free() for name, one in self._engines.items()}

        def of(kind: str) -> Places:
            name = self._name(kind)
            return Places(name=name, free=free[name])

        return of

    def lasting(self, kind: str) -> bool:
        """Return whether attempts of a kind wait elsewhere and outlive the server."""
        return isinstance(self._engine(kind), DistributedEngine)

    def led(self) -> frozenset[str]:
        """Return which engines this server launches on and watches over."""
        return frozenset(
            name
            for name, one in self._engines.items()
            if not isinstance(one, DistributedEngine) or one.leads
        )

    def distributed(self) -> Mapping[str, DistributedEngine]:
        """Return those on schedulers that other servers may share, by name."""
        return {
            name: one
            for name, one in self._engines.items()
            if isinstance(one, DistributedEngine)
        }

    async def adopt(self, launch: Launch) -> None:
        """Take up an attempt that another server launched, or this one earlier."""
        engine = self._engine(launch.kind)
        if isinstance(engine, DistributedEngine):
            await engine.adopt(launch)

    def _name(self, kind: str) -> str:
        return self._limits.of(kind).engine or EMBEDDED

    def _engine(self, kind: str) -> Engine:
        return self._engines[self._name(kind)]


def _slurm(name: str, rest: Mapping[str, Any], data_folder: Path) -> Launcher:
    from quire.engines.slurm.launcher import SlurmLauncher
    from quire.engines.slurm.settings import SlurmSettings, check_options

    settings = msgspec.convert(dict(rest), SlurmSettings)
    check_options(settings, place=f"engines.{name}")
    return SlurmLauncher(data_folder, settings)


def _own(where: str, rest: Mapping[str, Any]) -> Launcher:
    module, _, function = where.partition(":")
    try:
        made: Launcher = getattr(importlib.import_module(module), function)(rest)
    except (ImportError, AttributeError, ValueError) as error:
        mend = "dask, slurm, or module:function"
        raise InputError(
            "type", f"{where!r} gives no launcher: {error}", mend
        ) from None
    return made
