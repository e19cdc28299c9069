from collections.abc import Iterator

import pytest

from quire.testing.not_proved import not_proved
from quire.testing.slurm.cluster import NoSlurm, SlurmCluster
from quire.testing.slurm.configuration import Tracking


@pytest.fixture(scope="session", params=list(Tracking))
def cluster(request: pytest.FixtureRequest) -> Iterator[SlurmCluster]:
    """A real Slurm, for each way to know the processes of a job."""
    try:
        running = SlurmCluster(request.param)
        with running:
            yield running
    except NoSlurm as reason:
        what = f"Slurm with proctrack/{request.param}"
        mend = "apt install slurmctld slurmd munge (Debian), and run as root"
        pytest.skip(not_proved(what, why=str(reason), mend=mend))
