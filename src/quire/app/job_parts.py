"""Jobs, and the engine that runs them."""

import json

from quire.actions.admission import Admission
from quire.actions.attempts import Attempts
from quire.actions.destroying import Destroying
from quire.actions.dispatch import Dispatcher
from quire.actions.job_edits import JobEdits
from quire.actions.job_files import JobFiles
from quire.actions.outside_jobs import OutsideJobs
from quire.actions.project_runs import projection_rules
from quire.actions.projecting import site
from quire.actions.projection_rules import ProjectionRules
from quire.actions.quotas import JobQuota
from quire.actions.quoting import Quotes
from quire.actions.submit import Jobs
from quire.actions.waiting import Waiting
from quire.app.engine_parts import EngineParts
from quire.app.ground import Ground
from quire.config import Settings
from quire.engines.choosing import Tables
from quire.faces.uws.jobs import Verbs
from quire.jobs.job import ACQUISITION
from quire.jobs.limits import KindLimits
from quire.kinds.registry import every_kind
from quire.transfer.kinds import begun_deliveries, merge_kind
from quire.writers.fits.folder_publisher import PRODUCTS, FolderPublisher


class JobParts:
    """The actions on jobs."""

    def __init__(self, on: Ground) -> None:
        settings, store, clock, folder = on.settings, on.store, on.clock, on.folder
        merge = merge_kind(
            settings.transfers,
            folder / settings.acquisitions.dictionaries,
            roots=settings.source_roots,
        )
        self.admission = Admission(
            folder, merge.transfers, keep=settings.acquisitions.keep_free
        )
        self.site = site(settings.projecting, folder)
        self.kinds = every_kind(settings.commands, self.site)
        self.kinds[ACQUISITION] = merge
        limits = KindLimits(settings.kinds, memory=settings.job_memory)
        limits.check_names(self.kinds)
        self.attempts = Attempts(
            store,
            clock,
            FolderPublisher(folder),
            data_folder=folder,
            lease=settings.attempt_lease,
            admission=self.admission,
            limits=limits,
            server=settings.name,
            left=begun_deliveries,
        )
        self.engines = EngineParts(on, self.attempts, limits, worker_tables(settings))
        self.dispatcher = self._dispatcher(on, limits)
        self.rules = ProjectionRules(
            store, on.doorbell, clock, rules=projection_rules(settings.projections)
        )
        self.files = JobFiles(store, folder, left=begun_deliveries)
        self.destroying = Destroying(store, on.doorbell, clock, data_folder=folder)
        self.jobs = Jobs(
            store,
            self.kinds,
            clock,
            on.ids,
            files=self.files,
            quota=JobQuota(settings.quotas),
        )
        self.outside = OutsideJobs(store, clock, on.ids, kinds=self.kinds)
        self.verbs = self._verbs(on)

    def _dispatcher(self, on: Ground, limits: KindLimits) -> Dispatcher:
        engine = self.engines.engine
        return Dispatcher(
            on.store,
            engine,
            self.attempts,
            doorbell=on.doorbell,
            clock=on.clock,
            limits=limits,
            quotas=on.settings.quotas,
            choice=engine,
        )

    def _verbs(self, on: Ground) -> Verbs:
        return Verbs(
            jobs=self.jobs,
            edits=JobEdits(on.store, self.kinds, on.clock),
            files=self.files,
            quotes=Quotes(on.store, on.clock, slots=on.settings.slots),
            waiting=Waiting(on.store, on.doorbell, on.stopping),
            destroying=self.destroying,
        )


def worker_tables(settings: Settings) -> Tables:
    """Return what whoever runs attempts makes the kinds of job of."""
    folder, acquisitions = settings.data_folder, settings.acquisitions
    tables = {
        "commands": settings.commands,
        "transfers": settings.transfers,
        "acquisitions": {
            "dictionaries": str(folder / acquisitions.dictionaries),
            "source_roots": [str(root) for root in settings.source_roots],
            "published": str(folder / PRODUCTS),
        },
        "projecting": settings.projecting,
        "data_folder": {"path": str(folder)},
    }
    return Tables(
        kinds="quire.transfer.kinds:kinds_of_worker", tables=json.dumps(tables)
    )
