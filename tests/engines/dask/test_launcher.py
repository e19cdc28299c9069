import pytest

from quire.engines.dask.launcher import DaskLauncher, DaskSettings
from quire.ports.launcher import Launcher
from quire.testing.dask.cluster import DaskCluster
from quire.testing.lasting_contract import LastingEngineContract

KINDS = "quire.testing.hostile_kinds:hostile"


class TestDaskEngine(LastingEngineContract):
    @pytest.fixture
    def launcher(self, cluster: DaskCluster) -> Launcher:
        return DaskLauncher(DaskSettings(address=cluster.address), kinds=KINDS)
