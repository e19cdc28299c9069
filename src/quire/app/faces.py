"""Every face of a server: a new protocol is one folder and one line here."""

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Protocol

from starlette.routing import BaseRoute

from quire.access.proxy import TrustedProxy
from quire.actions.broadcast import Broadcasts
from quire.actions.follow import Follow
from quire.actions.forward import Forward
from quire.actions.health import Health
from quire.actions.inlet import Inlets
from quire.actions.many_operations import ManyOperations
from quire.actions.removing_products import RemovingProducts
from quire.actions.samples import SampleStreams
from quire.actions.shelf import Shelf
from quire.actions.tokens import Tokens
from quire.app.about import DESCRIPTION, VERSION
from quire.app.acquisition_parts import AcquisitionParts
from quire.app.application import own_hosts
from quire.app.ground import Ground
from quire.app.job_parts import JobParts
from quire.app.lab_parts import LabParts
from quire.app.run_parts import RunParts
from quire.faces.attempts.routes import AttemptGate, AttemptRoutes
from quire.faces.catalog.arrays import ArrayRoutes
from quire.faces.catalog.closing import ClosingRoutes
from quire.faces.catalog.documents import RunDocumentRoutes
from quire.faces.catalog.indexes import IndexRoutes
from quire.faces.catalog.quality import QualityRoutes
from quire.faces.catalog.routes import CatalogRoutes
from quire.faces.catalog.run_lists import RunListRoutes
from quire.faces.catalog.samples import SampleRoutes
from quire.faces.catalog.saved import SavedQueryRoutes
from quire.faces.catalog.search import SearchRoutes
from quire.faces.catalog.streams import StreamRoutes
from quire.faces.dashboard.line_pages import LinePageRoutes
from quire.faces.dashboard.list_pages import ListPageRoutes
from quire.faces.dashboard.product_pages import ProductPageRoutes
from quire.faces.dashboard.rendering import Rendering
from quire.faces.dashboard.routes import DashboardRoutes
from quire.faces.dashboard.run_page import RunPageRoutes
from quire.faces.dashboard.sessions import Sessions
from quire.faces.documents.databroker import DatabrokerRoutes
from quire.faces.documents.express import LINE, DocumentExpress
from quire.faces.documents.routes import DocumentRoutes
from quire.faces.dpm.routes import DpmRoutes
from quire.faces.inlets.routes import InletRoutes
from quire.faces.jobs.files import JobFileRoutes
from quire.faces.jobs.kinds import KindRoutes
from quire.faces.jobs.products import ProductRoutes
from quire.faces.jobs.routes import JobRoutes
from quire.faces.labs.routes import LabRoutes
from quire.faces.metrics.routes import MetricsRoutes
from quire.faces.nublado.routes import NubladoRoutes
from quire.faces.operations.routes import OperationRoutes
from quire.faces.operations.wire import encode_among_many
from quire.faces.outlets.routes import OutletRoutes
from quire.faces.projections.routes import ProjectionRoutes
from quire.faces.reference.routes import ReferenceRoutes
from quire.faces.rundb.days import Days
from quire.faces.rundb.routes import RunDbRoutes
from quire.faces.server.routes import ServerRoutes
from quire.faces.uws.routes import UwsRoutes
from quire.faces.wobbly.admin import WobblyAdminRoutes
from quire.faces.wobbly.description import WobblyDescriptionRoutes
from quire.faces.wobbly.routes import LARGEST_JOB, WobblyRoutes
from quire.faces.wobbly.wire import front
from quire.web.event_stream import encode_entry
from quire.web.express import Express
from quire.web.gate import DeclaredRoute, Gate
from quire.web.metrics import Metrics
from quire.web.open_streams import OpenStreams
from quire.web.proxy import OperatorGate, ServiceGate, UserGate
from quire.web.short_way import ShortWay


class Face(Protocol):
    """Speaks one protocol to the outside."""

    def routes(self, gate: Gate, /) -> Sequence[BaseRoute]:
        """Return its routes."""
        ...


class Faces:
    """Makes the faces from the parts.

    Attributes
    ----------
    metrics
        What the requests are counted by.
    shown
        What makes pages.
    """

    def __init__(
        self,
        on: Ground,
        runs: RunParts,
        jobs: JobParts,
        acquisitions: AcquisitionParts,
        labs: LabParts,
        tokens: Tokens,
    ) -> None:
        self.metrics = Metrics()
        self.shown = Rendering(on.clock)
        self._on = on
        self._runs = runs
        self._jobs = jobs
        self._acquisitions = acquisitions
        self._labs = labs
        self._tokens = tokens
        about = {
            "name": "quire",
            "version": VERSION,
            "description": DESCRIPTION,
            "data_folder": str(on.folder),
            "started": on.clock.now(),
        }
        self._streams = OpenStreams(
            on.stopping, a_principal=on.settings.streams_a_principal
        )
        self._health = Health(on.store, about)
        self._documents = DocumentRoutes(
            runs.ingest, self.metrics, body_limit=on.settings.body_limit
        )

    def express(self, routes: Sequence[BaseRoute]) -> Mapping[bytes, Express]:
        """Return what has a short way, by the first line of its requests."""
        settings = self._on.settings
        documents = DocumentExpress(
            self._documents,
            self._tokens,
            self.metrics,
            hosts=own_hosts(settings.proxy.hosts),
            most=settings.body_limit,
        )
        return {LINE: documents, **self._short_ways(routes)}

    def _short_ways(self, routes: Sequence[BaseRoute]) -> dict[bytes, Express]:
        """Return the short ways to new jobs."""
        settings = self._on.settings
        if TrustedProxy(settings.proxy).there:
            return {}  # its address is to be looked at, which they do not see
        limit = settings.body_limit
        wanted: list[tuple[str, dict[str, str], int]] = [
            ("/wobbly/jobs", {}, min(limit, LARGEST_JOB)),
            *(("/uws/{kind}/jobs", {"kind": kind}, limit) for kind in self._jobs.kinds),
        ]
        posts = {
            route.path: route
            for route in routes
            if isinstance(route, DeclaredRoute) and "POST" in (route.methods or ())
        }
        hosts = own_hosts(settings.proxy.hosts)
        ways = [
            ShortWay(posts[path], params, self.metrics, hosts=hosts, most=most)
            for path, params, most in wanted
        ]
        return {way.line: way for way in ways}

    def routes(self, inlets: Inlets, outlets: Forward) -> list[BaseRoute]:
        """Return all routes, in the order in which they are tried."""
        gate = Gate(self._tokens)
        faces = (
            *self._of_wobbly(),
            *self._of_runs(),
            *self._of_jobs(),
            InletRoutes(inlets),
            OutletRoutes(outlets),
            LinePageRoutes(shown=self.shown, inlets=inlets, outlets=outlets),
            *self._of_the_server(),
            *self._of_people(),
        )
        routes = [route for face in faces for route in face.routes(gate)]
        return [*routes, *ReferenceRoutes(tuple(routes), version=VERSION).routes(gate)]

    def _of_wobbly(self) -> Sequence[Face]:
        on, outside = self._on, self._jobs.outside
        proxy = TrustedProxy(on.settings.proxy)
        services = ServiceGate(self._tokens, proxy)
        limit = on.settings.body_limit
        jobs = WobblyRoutes(outside, services, proxy, body_limit=limit)
        admin = WobblyAdminRoutes(outside, OperatorGate(self._tokens, proxy), proxy)
        return (jobs, admin, WobblyDescriptionRoutes(jobs, admin, version=VERSION))

    def _of_runs(self) -> Sequence[Face]:
        runs, settings = self._runs, self._on.settings
        limit, metrics = settings.body_limit, self.metrics
        return (
            self._documents,
            DatabrokerRoutes(runs.ingest, runs.replay, metrics, body_limit=limit),
            SearchRoutes(runs.search),
            IndexRoutes(runs.indexes),
            SavedQueryRoutes(runs.queries),
            QualityRoutes(runs.annotate),
            RunListRoutes(runs.lists),
            CatalogRoutes(runs.lookup, runs.rule),
            RunDbRoutes(
                runs.search,
                runs.lookup,
                runs.rule,
                settings.public_url,
                TrustedProxy(settings.proxy),
                Days(settings.rundb.zone),
            ),
            ClosingRoutes(runs.close),
            ArrayRoutes(runs.arrays),
            StreamRoutes(runs.columns),
            SampleRoutes(
                SampleStreams(self._on.store, self._on.doorbell, runs.columns),
                self._streams,
            ),
            RunDocumentRoutes(runs.replay),
        )

    def _of_jobs(self) -> Sequence[Face]:
        jobs, settings = self._jobs, self._on.settings
        verbs, limit = jobs.verbs, settings.body_limit
        return (
            JobRoutes(
                jobs.jobs,
                verbs.edits,
                verbs.waiting,
                jobs.destroying,
                body_limit=limit,
            ),
            JobFileRoutes(jobs.jobs, jobs.files),
            KindRoutes(jobs.kinds),
            AttemptRoutes(
                jobs.engines.runners,
                AttemptGate(self._tokens, jobs.engines.tokens),
                body_limit=limit,
            ),
            ProjectionRoutes(jobs.site, jobs.rules),
            UwsRoutes(
                verbs, self._health, body_limit=limit, public_url=settings.public_url
            ),
            ProductRoutes(
                Shelf(self._on.store, self._on.folder),
                RemovingProducts(
                    self._on.store, self._on.clock, data_folder=self._on.folder
                ),
            ),
            DpmRoutes(
                self._acquisitions.acquisitions,
                self._acquisitions.topics,
                self._streams,
                end=_end_by_signal,
                body_limit=limit,
            ),
        )

    def _of_the_server(self) -> Sequence[Face]:
        on = self._on
        follow = Follow(on.store, on.doorbell)
        broadcasts, labs = Broadcasts(follow, encode_entry), self._labs
        proxy = TrustedProxy(on.settings.proxy)
        return (
            LabRoutes(labs.labs, labs.notebooks),
            NubladoRoutes(
                labs.labs,
                follow,
                broadcasts,
                self._streams,
                proxy,
                UserGate(self._tokens, proxy),
            ),
            OperationRoutes(
                follow,
                broadcasts,
                ManyOperations(
                    follow, Broadcasts(follow, encode_among_many), on.doorbell
                ),
                self._streams,
            ),
            ServerRoutes(self._health, self._tokens, public_url=on.settings.public_url),
            MetricsRoutes(self.metrics, self._health),
        )

    def _of_people(self) -> Sequence[Face]:
        on, labs, shown = self._on, self._labs, self.shown
        return (
            RunPageRoutes(
                shown=shown,
                lookup=self._runs.lookup,
                jobs=self._jobs.jobs,
                annotate=self._runs.annotate,
                notebooks=labs.notebooks,
            ),
            ListPageRoutes(
                shown=shown, lists=self._runs.lists, queries=self._runs.queries
            ),
            ProductPageRoutes(shown=shown, shelf=Shelf(on.store, on.folder)),
            DashboardRoutes(
                shown=shown,
                search=self._runs.search,
                jobs=self._jobs.jobs,
                follow=Follow(on.store, on.doorbell),
                sessions=Sessions(
                    self._tokens,
                    public_url=on.settings.public_url,
                    proxy=TrustedProxy(on.settings.proxy),
                ),
                notebooks=labs.notebooks,
                rules=self._jobs.rules,
                front=front(
                    name="quire",
                    version=VERSION,
                    description=DESCRIPTION,
                    documentation_url="/docs",
                ),
            ),
        )


def _end_by_signal() -> None:
    """End the server as Ctrl-C does: in order, once what is under way is answered."""
    os.kill(os.getpid(), signal.SIGTERM)
