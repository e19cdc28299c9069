"""Acquisitions: jobs whose sources come while they run."""

from quire.actions.acquisition_aborting import Aborting
from quire.actions.acquisition_topics import AcquisitionTopics
from quire.actions.acquisition_workspace import Workspace
from quire.actions.acquisitions import Acquisitions
from quire.app.ground import Ground
from quire.app.job_parts import JobParts
from quire.transfer.kinds import begun_deliveries


class AcquisitionParts:
    """The actions on acquisitions."""

    def __init__(self, on: Ground, jobs: JobParts) -> None:
        settings = on.settings.acquisitions
        self.aborting = Aborting(
            on.store,
            on.clock,
            end=jobs.dispatcher.end,
            data_folder=on.folder,
            left=begun_deliveries,
        )
        self.acquisitions = Acquisitions(
            on.store,
            jobs.jobs,
            on.clock,
            aborting=self.aborting,
            retention=settings.retention,
        )
        self.topics = AcquisitionTopics(
            on.store,
            on.doorbell,
            on.clock,
            jobs.admission,
            interval=settings.storage_interval,
        )
        self.workspace = Workspace(on.store, on.doorbell, on.folder)

    async def sweep(self) -> None:
        """Forget acquisitions whose time has come, and go on with what waited for disk space."""
        await self.workspace.forget(await self.acquisitions.expire())
        await self.topics.resume()
