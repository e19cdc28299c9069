"""One Quire, assembled, and what it does beside answering."""

import asyncio
import contextlib
import getpass
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp

from quire.access.principals import Principal
from quire.access.tokens import TokenUse
from quire.actions.attempt_tokens import TokensAndAttempts
from quire.actions.expire import interrupt_lapsed_runs
from quire.actions.forward import Forward
from quire.actions.inlet import Inlets
from quire.actions.leading import Led, while_leading
from quire.actions.project_runs import ProjectRuns, projection_rules
from quire.actions.tokens import EVERYTHING
from quire.app.acquisition_parts import AcquisitionParts
from quire.app.application import application
from quire.app.faces import Faces
from quire.app.ground import Ground
from quire.app.job_parts import JobParts
from quire.app.lab_parts import LabParts
from quire.app.local_token import local_token
from quire.app.run_parts import RunParts
from quire.clock import RandomIds, SystemClock
from quire.config import Settings
from quire.errors import QuireError
from quire.inlets.settings import inlets
from quire.outlets.settings import outlets
from quire.ports.doorbell import Doorbell
from quire.ports.leadership import Leadership
from quire.ports.store import Store
from quire.storage.sole_leadership import SoleLeadership
from quire.web.express import Express
from quire.web.metrics import Metered
from quire.web.request_log import RequestLogged

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 5.0


class Server:
    """One Quire, assembled.

    Attributes
    ----------
    routes
        All of them, in the order in which they are tried.
    app
        What the HTTP server serves.
    express
        What of its requests have a short way, by their first line.
    token
        What admits the owner of the data folder.
    stopping
        Set when the server is about to end.
    leadership
        Says what of several servers' common work is this one's; may be set until it
        runs.
    """

    def __init__(self, settings: Settings, store: Store, doorbell: Doorbell) -> None:
        self.leadership: Leadership = SoleLeadership()
        on = Ground(
            settings=settings,
            user=getpass.getuser(),
            store=store,
            doorbell=doorbell,
            clock=SystemClock(),
            ids=RandomIds(),
            stopping=asyncio.Event(),
        )
        self.stopping = on.stopping
        self.token = local_token(on.folder)
        self._on = on
        self._owner = Principal(name=on.user, scopes=EVERYTHING)
        self._runs = RunParts(on)
        self._jobs = JobParts(on)
        self._acquisitions = AcquisitionParts(on, self._jobs)
        self._projecting = ProjectRuns(
            store,
            self._runs.search,
            self._jobs.jobs,
            doorbell,
            on.clock,
            rules=projection_rules(settings.projections),
        )
        self._tokens = TokensAndAttempts(store, on.clock, self._jobs.engines.tokens)
        self._labs = LabParts(on, self._tokens, self._runs.lookup)
        self._inlets = Inlets(
            inlets(settings.inlets, on.folder),
            self._runs.ingest,
            store,
            on.clock,
            owner=self._owner,
        )
        self._outlets = Forward(
            outlets(settings.outlets, on.folder), store, doorbell, on.clock
        )
        faces = Faces(
            on, self._runs, self._jobs, self._acquisitions, self._labs, self._tokens
        )
        self.routes = faces.routes(self._inlets, self._outlets)
        self.app, self.express = self._served(faces)

    def _served(self, faces: Faces) -> tuple[ASGIApp, Mapping[bytes, Express]]:
        hosts = self._on.settings.proxy.hosts
        served = application(self.routes, hosts=hosts, page=faces.shown.problem)
        express = faces.express(self.routes)
        if logging.getLogger("quire.requests").isEnabledFor(logging.INFO):
            # Of all requests, and so all on the usual way.
            served, express = RequestLogged(served), {}
        return Metered(served, faces.metrics), express

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what goes on beside the requests."""
        await self._tokens.issue(
            self._owner, use=TokenUse.API, lifetime=None, secret=self.token
        )
        await self._projecting.begin()
        engines = await self._jobs.engines.led(self.leadership)
        await self._jobs.dispatcher.start()
        await self._labs.labs.start()
        await self._acquisitions.aborting.resume()
        lines = self._lines()
        for line in lines:
            await line.look()
        beside = [asyncio.create_task(work) for work in self._works([*lines, *engines])]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            for line in reversed(lines):
                await line.stop()
            await self._labs.labs.stop()
            await self._jobs.dispatcher.stop()

    def _lines(self) -> list[Led]:
        """Return what documents leave and come by, beside HTTP."""
        leads, out, in_ = self.leadership, self._outlets, self._inlets
        return [
            Led(leads, "outlets", begin=out.start, end=out.stop),
            Led(leads, "inlets", begin=in_.start, end=in_.stop),
        ]

    def _works(self, led: Sequence[Led]) -> list[Coroutine[Any, Any, None]]:
        leadership = self.leadership
        return [
            self._sweep(),
            *(one.run() for one in led),
            while_leading(leadership, "indexer", self._runs.indexer.run),
            while_leading(leadership, "projecting", self._projecting.run),
            self._acquisitions.workspace.run(),
            self._labs.labs.run(),
            self._runs.lists.resume(),
        ]

    async def _is_alive(self, server: str) -> bool:
        task = f"server {server}"
        if not await self.leadership.holds(task):
            return True
        await self.leadership.leave(task)
        return False

    async def _sweep(self) -> None:
        jobs = self._jobs
        while True:
            try:
                # Also says to the others that this server lives.
                await self.leadership.holds(f"server {self._on.settings.name}")
                sweeps = await self.leadership.holds("sweep")
                if sweeps:
                    await interrupt_lapsed_runs(self._on.store, self._on.clock)
                    await jobs.destroying.sweep()
                    await self._acquisitions.sweep()
                    await jobs.attempts.take_over(self._is_alive)
                await self._runs.columns.refresh(newest=sweeps)
            except QuireError as error:
                _log.warning("the sweep of leases failed: %s", error)
            await asyncio.sleep(_SWEEP_SECONDS)
