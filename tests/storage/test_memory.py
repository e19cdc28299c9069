import pytest

from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    def store(self, doorbell: Doorbell) -> Store:
        return MemoryStore(doorbell=doorbell)
