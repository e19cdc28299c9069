"""Where a server keeps its records: SQLite in its folder, or a PostgreSQL database."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from msgspec.structs import replace

from quire.app.run_parts import number_rule
from quire.config import Settings
from quire.errors import InputError
from quire.ports.doorbell import Doorbell
from quire.ports.leadership import Leadership
from quire.ports.store import Store
from quire.runs.searchable import describe
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sole_leadership import SoleLeadership


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """A store, and what goes with it."""

    store: Store
    doorbell: Doorbell
    leadership: Leadership


def named(settings: Settings, *, port: int) -> Settings:
    """Return the settings with a name for this server, if it may be one of several."""
    if not settings.database.url:
        return replace(settings, name="")
    return replace(settings, name=settings.name or f"{socket.gethostname()}-{port}")


@contextlib.asynccontextmanager
async def kept(
    settings: Settings, *, on_fatal: Callable[[str], None]
) -> AsyncIterator[Keeping]:
    """Open the store of these settings, for as long as the context lasts.

    Parameters
    ----------
    on_fatal
        Called with the reason, on another thread, when nothing but a new process can
        bring the store back.

    Raises
    ------
    StoreUnavailable
        It cannot be used.
    """
    opened = _in_postgres if settings.database.url else _in_sqlite
    async with opened(settings, on_fatal) as keeping:
        yield keeping


@contextlib.asynccontextmanager
async def _in_sqlite(
    settings: Settings, on_fatal: Callable[[str], None]
) -> AsyncIterator[Keeping]:
    from quire.storage.sqlite.store import SqliteStore

    doorbell = LocalDoorbell()
    store = await SqliteStore.open(
        settings.data_folder,
        doorbell=doorbell,
        on_fatal=on_fatal,
        describe=describe(number_rule(settings)),
    )
    try:
        yield Keeping(store=store, doorbell=doorbell, leadership=SoleLeadership())
    finally:
        await store.aclose()


@contextlib.asynccontextmanager
async def _in_postgres(
    settings: Settings, on_fatal: Callable[[str], None]
) -> AsyncIterator[Keeping]:
    try:
        from quire.storage.postgres.doorbell import PostgresDoorbell
        from quire.storage.postgres.leadership import PostgresLeadership
        from quire.storage.postgres.store import PostgresStore
        from quire.storage.postgres.target import Target
    except ModuleNotFoundError as missing:
        raise InputError(
            "database", f"needs {missing.name}", "pip install 'quire[postgres]'"
        ) from None

    database = settings.database
    target = Target(database.url, password=database.password)
    doorbell, leadership = PostgresDoorbell(target), PostgresLeadership(target)
    store = await PostgresStore.open(
        target,
        doorbell=doorbell,
        on_fatal=on_fatal,
        describe=describe(number_rule(settings)),
        folder=settings.data_folder,
        writers=database.writers,
        readers=database.readers,
    )
    try:
        await asyncio.to_thread(doorbell.start)
        yield Keeping(store=store, doorbell=doorbell, leadership=leadership)
    finally:
        await store.aclose()
        await leadership.aclose()
        await asyncio.to_thread(doorbell.close)
