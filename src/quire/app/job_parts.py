"""Jobs, acquisitions, and the engine that runs them."""

import json

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
from quire.actions.quotas import JobQuota
from quire.actions.quoting import Quotes
from quire.actions.submit import Jobs
from quire.actions.waiting import Waiting
from quire.app.ground import Ground
from quire.config import Settings
from quire.engines.embedded.engine import EmbeddedEngine
from quire.faces.uws.jobs import Verbs
from quire.jobs.job import ACQUISITION
from quire.jobs.limits import KindLimits
from quire.kinds.registry import every_kind
from quire.transfer.kinds import merge_kind
from quire.writers.fits.dictionaries import DICTIONARIES
from quire.writers.fits.folder_publisher import FolderPublisher


class JobParts:
    """The actions on jobs."""

    def __init__(self, on: Ground) -> None:
        settings, store, clock, folder = on.settings, on.store, on.clock, on.folder
        doorbell = on.doorbell
        admission = Admission(folder)
        limits = KindLimits(settings.kinds, memory=settings.job_memory)
        attempts = Attempts(
            store,
            clock,
            FolderPublisher(folder),
            data_folder=folder,
            lease=settings.attempt_lease,
            admission=admission,
            limits=limits,
        )
        engine = EmbeddedEngine(
            attempts,
            doorbell,
            worker_program(settings),
            slots=settings.slots,
            limits=limits,
        )
        self.dispatcher = Dispatcher(
            store,
            engine,
            attempts,
            doorbell=doorbell,
            clock=clock,
            limits=limits,
            quotas=settings.quotas,
        )
        self.kinds, self.files = every_kind(settings.commands), JobFiles(store, folder)
        self.kinds[ACQUISITION] = merge_kind(settings.transfers, folder / DICTIONARIES)
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
        self.acquisitions = Acquisitions(store, self.jobs, clock)
        self.workspace = Workspace(store, doorbell, folder)
        self.topics = AcquisitionTopics(store, doorbell, clock, admission)
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
    tables = {"commands": settings.commands, "transfers": settings.transfers}
    kinds = ("--kinds", "quire.transfer.kinds:kinds_of_worker")
    return ("quire.worker", *kinds, "--commands", json.dumps(tables))
