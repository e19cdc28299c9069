"""The store that a test's server has kept its records in."""

from pathlib import Path

from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.store import PostgresStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.postgres.choosing import database_of


async def open_store_of(folder: Path, doorbell: Doorbell | None = None) -> Store:
    """Open the store that `quire.testing.campaigns.server.ServerProcess` has for a folder.

    In PostgreSQL where the tests' servers are on it, else in the folder. It is made if
    missing, and is the same one whenever it is opened again.
    """
    heard = doorbell or LocalDoorbell()
    if url := database_of(folder):
        return await PostgresStore.open(url, doorbell=heard)
    return await SqliteStore.open(folder, doorbell=heard)
