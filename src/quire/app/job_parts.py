"""Jobs, acquisitions, and the engine that runs them."""

import json

from quire.actions.acquisition_aborting import Aborting
from quire.actions.acquisition_topics import AcquisitionTopics
from quire.actions.acquisition_workspace import Workspace
from quire.actions.acquisitions import Acquisitions
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
        doorbell = on.doorbell
        merge = merge_kind(
            settings.transfers,
            folder / settings.acquisitions.dictionaries,
            roots=settings.source_roots,
        )
        admission = Admission(
            folder, merge.transfers, keep=settings.acquisitions.keep_free
        )
        limits = KindLimits(settings.kinds, memory=settings.job_memory)
        attempts = Attempts(
            store,
            clock,
            FolderPublisher(folder),
            data_folder=folder,
            lease=settings.attempt_lease,
            admission=admission,
            limits=limits,
            server=settings.name,
            left=begun_deliveries,
        )
        self.attempts = attempts
        program = worker_program(settings)
        self.engines = EngineParts(
            on,
            attempts,
            limits,
            program=program,
            tables=Tables(kinds=program[2], tables=program[4]),
        )
        engine = self.engines.engine
        self.dispatcher = Dispatcher(
            store,
            engine,
            attempts,
            doorbell=doorbell,
            clock=clock,
            limits=limits,
            quotas=settings.quotas,
            choice=engine,
        )
        self.site = site(settings.projecting, folder)
        self.rules = ProjectionRules(
            store, doorbell, clock, rules=projection_rules(settings.projections)
        )
        self.kinds, self.files = (
            every_kind(settings.commands, self.site),
            JobFiles(store, folder, left=begun_deliveries),
        )
        self.kinds[ACQUISITION] = merge
        limits.check_names(self.kinds)
        self.destroying = Destroying(store, doorbell, clock, data_folder=folder)
        self.jobs = Jobs(
            store,
            self.kinds,
            clock,
            on.ids,
            files=self.files,
            quota=JobQuota(settings.quotas),
        )
        self.aborting = Aborting(
            store,
            clock,
            end=self.dispatcher.end,
            data_folder=folder,
            left=begun_deliveries,
        )
        self.acquisitions = Acquisitions(
            store,
            self.jobs,
            clock,
            aborting=self.aborting,
            retention=settings.acquisitions.retention,
        )
        self.workspace = Workspace(store, doorbell, folder)
        self.topics = AcquisitionTopics(
            store,
            doorbell,
            clock,
            admission,
            interval=settings.acquisitions.storage_interval,
        )
        self.outside = OutsideJobs(store, clock, on.ids, kinds=self.kinds)
        self.verbs = Verbs(
            jobs=self.jobs,
            edits=JobEdits(store, self.kinds, clock),
            files=self.files,
            quotes=Quotes(store, clock, slots=settings.slots),
            waiting=Waiting(store, doorbell, on.stopping),
            destroying=self.destroying,
        )


def worker_program(settings: Settings) -> tuple[str, ...]:
    """Return the module that runs attempts, and its arguments."""
    tables = {
        "commands": settings.commands,
        "transfers": settings.transfers,
        "acquisitions": {
            "dictionaries": str(
                settings.data_folder / settings.acquisitions.dictionaries
            ),
            "source_roots": [str(root) for root in settings.source_roots],
            "published": str(settings.data_folder / PRODUCTS),
        },
        "projecting": settings.projecting,
        "data_folder": {"path": str(settings.data_folder)},
    }
    kinds = ("--kinds", "quire.transfer.kinds:kinds_of_worker")
    return ("quire.worker", *kinds, "--commands", json.dumps(tables))
