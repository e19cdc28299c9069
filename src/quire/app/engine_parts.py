"""The engines: the server's own, and those that its settings name."""

import asyncio
import functools
import json
from collections.abc import Mapping

from quire import server_file
from quire.actions.attempt_tokens import AttemptTokens
from quire.actions.attempts import Attempts
from quire.actions.leading import Led
from quire.actions.runners import Runners
from quire.app.ground import Ground
from quire.app.local_token import local_token
from quire.engines.choosing import (
    EMBEDDED,
    ChoosingEngine,
    EngineSettings,
    Tables,
    make_launcher,
    read_engines,
)
from quire.engines.distributed import DistributedEngine
from quire.engines.embedded.engine import EmbeddedEngine
from quire.jobs.limits import KindLimits
from quire.ports.engine import Engine, Launch
from quire.ports.launcher import RunnerOrder
from quire.ports.leadership import Leadership
from quire.transfer.carrier import carrier

_LOOK_SECONDS = 0.02


class EngineParts:
    """What runs attempts, and what those elsewhere speak to.

    Parameters
    ----------
    tables
        What workers and runners elsewhere make the kinds of.
    """

    def __init__(
        self,
        on: Ground,
        attempts: Attempts,
        limits: KindLimits,
        tables: Tables,
    ) -> None:
        self._on = on
        self._limits = limits
        self._file = on.folder / server_file.NAME
        self._own_file = server_file.file_of(on.folder, on.settings.name)
        self.tokens = AttemptTokens(local_token(on.folder))
        read = read_engines(on.settings.engines)
        self.runners = self._runners(attempts, read)
        embedded = EmbeddedEngine(
            attempts,
            on.doorbell,
            _worker(tables),
            slots=on.settings.slots,
            limits=limits,
            server=on.settings.name,
        )
        engines: dict[str, Engine] = {EMBEDDED: embedded}
        for name, (settings, rest) in read.items():
            theirs = _without_the_store(tables) if settings.results else tables
            engines[name] = DistributedEngine(
                self.runners,
                make_launcher(name, settings, rest, theirs, on.folder),
                on.doorbell,
                functools.partial(self._order, settings, theirs),
                slots=settings.slots,
                grace=settings.grace,
                poll=settings.poll,
                shared=bool(on.settings.name),
            )
        self.engine = ChoosingEngine(engines, limits)

    async def led(self, leadership: Leadership) -> list[Led]:
        """Return what has one server launch on each scheduler, and watch it."""
        led = [
            Led(leadership, f"engine {name}", begin=one.lead, end=one.let_go)
            for name, one in self.engine.distributed().items()
        ]
        for one in led:
            await one.look()
        return led

    def _runners(
        self, attempts: Attempts, read: Mapping[str, tuple[EngineSettings, object]]
    ) -> Runners:
        on, limits = self._on, self._limits
        carriers = {
            name: carrier(settings.results, on.settings.transfers)
            for name, (settings, _) in read.items()
            if settings.results
        }
        return Runners(
            attempts,
            on.store,
            on.doorbell,
            on.stopping,
            carrier_of=lambda kind: carriers.get(limits.of(kind).engine),
        )

    async def _order(
        self, settings: EngineSettings, tables: Tables, launch: Launch
    ) -> RunnerOrder:
        limits = self._limits.of(launch.kind)
        public = self._on.settings.public_url
        known = settings.urls or ((public,) if public else ())
        return RunnerOrder(
            job=launch.job,
            attempt=launch.attempt,
            kind=launch.kind,
            url=known[0] if known else await self._own_url(),
            others=known[1:],
            address_file="" if known else str(self._file),
            token=self.tokens.of(launch.job, launch.attempt),
            deadline=launch.deadline,
            memory=limits.memory or 0,
            cpu_seconds=limits.cpu_seconds,
            processes=limits.processes,
            data_folder=settings.data_folder,
            scratch=settings.scratch if settings.results else "",
            kinds=tables.kinds,
            tables=tables.tables,
            resources=settings.resources(limits, seconds=launch.deadline),
        )

    async def _own_url(self) -> str:
        """Return the address of this server, or of another on its data folder."""
        while True:
            record = server_file.live(self._own_file) or server_file.live(self._file)
            if record is not None:
                return record.url
            await asyncio.sleep(_LOOK_SECONDS)


def _worker(tables: Tables) -> tuple[str, ...]:
    """Return the module that runs attempts here, and its arguments."""
    return ("quire.worker", "--kinds", tables.kinds, "--commands", tables.tables)


def _without_the_store(tables: Tables) -> Tables:
    """Return tables for machines that have no credentials of the object store."""
    read = json.loads(tables.tables)
    read.get("transfers", {}).pop("s3", None)
    return Tables(kinds=tables.kinds, tables=json.dumps(read))
