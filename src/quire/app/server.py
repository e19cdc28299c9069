"""One Quire, assembled, and what it does beside answering."""

import asyncio
import contextlib
import getpass
import logging
from collections.abc import AsyncIterator

from starlette.types import ASGIApp

from quire.access.principals import Principal
from quire.access.tokens import TokenUse
from quire.actions.expire import interrupt_lapsed_runs
from quire.actions.forward import Forward
from quire.actions.inlet import Inlets
from quire.actions.project_runs import ProjectRuns, projection_rules
from quire.actions.tokens import EVERYTHING, Tokens
from quire.app.application import application
from quire.app.faces import Faces
from quire.app.ground import Ground
from quire.app.job_parts import JobParts
from quire.app.local_token import local_token
from quire.app.run_parts import RunParts
from quire.clock import RandomIds, SystemClock
from quire.config import Settings
from quire.errors import QuireError
from quire.inlets.settings import inlets
from quire.outlets.settings import outlets
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.web.metrics import Metered

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 5.0


class Server:
    """One Quire, assembled.

    Attributes
    ----------
    app
        What the HTTP server serves.
    token
        What admits the owner of the data folder.
    stopping
        Set when the server is about to end.
    """

    def __init__(self, settings: Settings, store: Store, doorbell: Doorbell) -> None:
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
        self._projecting = ProjectRuns(
            store,
            self._runs.search,
            self._jobs.jobs,
            doorbell,
            on.clock,
            rules=projection_rules(settings.projections),
        )
        self._tokens = Tokens(store, on.clock)
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
        faces = Faces(on, self._runs, self._jobs, self._tokens)
        routes = faces.routes(self._inlets, self._outlets)
        served = application(routes, hosts=settings.proxy.hosts)
        self.app: ASGIApp = Metered(served, faces.metrics)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what goes on beside the requests."""
        await self._tokens.issue(
            self._owner, use=TokenUse.API, lifetime=None, secret=self.token
        )
        await self._jobs.dispatcher.start()
        self._outlets.start()
        self._inlets.start()
        beside = [
            asyncio.create_task(work)
            for work in (
                self._sweep(),
                self._runs.indexer.run(),
                self._projecting.run(),
                self._jobs.workspace.run(),
                self._runs.lists.resume(),
            )
        ]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._inlets.stop()
            await self._outlets.stop()
            await self._jobs.dispatcher.stop()

    async def _sweep(self) -> None:
        jobs = self._jobs
        while True:
            try:
                await interrupt_lapsed_runs(self._on.store, self._on.clock)
                await jobs.destroying.sweep()
                await jobs.workspace.forget(await jobs.acquisitions.expire())
                await jobs.topics.resume()
                await self._runs.columns.refresh()
            except QuireError as error:
                _log.warning("the sweep of leases failed: %s", error)
            await asyncio.sleep(_SWEEP_SECONDS)
