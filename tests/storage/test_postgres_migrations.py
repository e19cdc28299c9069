"""The schema changes beside servers at work: expand, fill, contract."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from quire.errors import StoreUnavailable
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres import migrate as migrating
from quire.storage.postgres.connection import open_writer
from quire.storage.postgres.migrate import migrate, schema
from quire.storage.postgres.schema_steps import Step, newest, step_of, steps
from quire.storage.postgres.session import Row
from quire.storage.postgres.store import PostgresStore
from quire.storage.postgres.target import Target
from quire.testing.documents import make_run
from quire.testing.outlet_contract import take
from quire.testing.waiting import PATIENCE, until

NOW = newest()
WIDEN = (
    "-- expand\nDO $$ DECLARE one record; BEGIN FOR one IN SELECT tablename FROM"
    " pg_tables WHERE schemaname = current_schema() AND tablename <> 'quire_schema'"
    " LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN later integer', one.tablename);"
    " END LOOP; END $$"
)
INDEX = (
    "-- expand concurrently\nDROP INDEX CONCURRENTLY IF EXISTS run_later;\n"
    "CREATE INDEX CONCURRENTLY run_later ON run (later);\n"
)
FILL = (
    "-- fill\nUPDATE run SET later = 1 WHERE id IN"
    " (SELECT id FROM run WHERE later IS NULL LIMIT 2)"
)
Connection = psycopg.Connection[Row]


def _with(*texts: str) -> tuple[Step, ...]:
    """Return our steps and others behind them."""
    return (*steps(), *(step_of(NOW + n, text) for n, text in enumerate(texts, 1)))


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    """Return that of a newer server that starts."""
    with psycopg.connect(postgres_url, autocommit=True) as made:
        yield made


@pytest.fixture
async def older(postgres_url: str) -> AsyncIterator[Store]:
    """Return the store of a server that knows no more than our steps."""
    store = await PostgresStore.open(postgres_url, doorbell=LocalDoorbell())
    yield store
    await store.aclose()


@contextlib.asynccontextmanager
async def _at_work(store: Store) -> AsyncIterator[None]:
    """Have a store take runs for as long as the context lasts.

    Where a step is in the way for long, one is refused, as for a client to send again.
    """
    done = asyncio.Event()

    async def work() -> None:
        seed = 100
        while not done.is_set():
            with contextlib.suppress(StoreUnavailable):
                await take(store, make_run(seed := seed + 1, 3))

    task = asyncio.create_task(work())
    yield
    done.set()
    await asyncio.wait_for(task, PATIENCE)


async def _holds(store: Store, seed: int) -> bool:
    documents = make_run(seed, 3)
    uid = str(documents[0].body["uid"])
    found = await store.view(lambda tx: [one.raw for one in tx.documents.of_run(uid)])
    return sorted(found) == sorted(one.raw for one in documents)


async def test_an_older_server_goes_on_while_a_newer_one_adds_and_fills(
    postgres_url: str, older: Store, connection: Connection
) -> None:
    for seed in range(5):
        await take(older, make_run(seed, 3))
    async with _at_work(older):
        await asyncio.to_thread(migrate, connection, _with(WIDEN, INDEX, FILL))
    assert schema(connection) == NOW + 3
    filled = "SELECT count(*) FROM run WHERE later = 1"
    count = connection.execute(filled).fetchone()
    assert count is not None
    assert count[0] >= 5
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'run_later'::regclass"
    assert connection.execute(valid).fetchone() == (True,)
    await take(older, make_run(5, 3))
    again = await PostgresStore.open(postgres_url, doorbell=LocalDoorbell())
    assert [await _holds(again, seed) for seed in range(6)] == [True] * 6
    await again.aclose()


async def test_nothing_is_taken_away_while_an_older_server_is_at_work(
    postgres_url: str, older: Store, connection: Connection
) -> None:
    known = _with(WIDEN, f"-- contract {NOW + 1}\nCREATE TABLE contracted ()")
    migrate(connection, known)
    assert schema(connection) == NOW + 1
    async with _at_work(older):
        await asyncio.to_thread(migrate, connection, known)
    assert schema(connection) == NOW + 1
    await older.aclose()
    _until_disconnected(connection)
    migrate(connection, known)
    assert schema(connection) == NOW + 2
    assert connection.execute("SELECT count(*) FROM contracted").fetchone() == (0,)
    with pytest.raises(StoreUnavailable, match=rf"schema {NOW + 1} or newer"):
        await PostgresStore.open(postgres_url, doorbell=LocalDoorbell())


async def test_an_older_server_that_comes_back_too_late_says_why(
    older: Store, connection: Connection
) -> None:
    await take(older, make_run(1, 3))
    connection.execute("INSERT INTO quire_schema VALUES (%s, %s)", [NOW + 1, NOW + 1])
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'quire%' AND datname = current_database()"
    )
    give_up = time.monotonic() + PATIENCE
    while "newer" not in (reason := await older.ready()):
        assert time.monotonic() < give_up, reason
        with contextlib.suppress(StoreUnavailable):
            await take(older, make_run(1, 3))
        await asyncio.sleep(0.02)
    with pytest.raises(StoreUnavailable, match="newer Quire"):
        await take(older, make_run(2, 3))


async def test_a_step_gives_way_and_says_who_is_in_its_way(
    postgres_url: str, older: Store, connection: Connection
) -> None:
    name = "someone's console"
    with psycopg.connect(postgres_url, application_name=name) as console:
        console.execute("SELECT count(*) FROM run")  # and a lock until it ends
        pid = console.info.backend_pid
        told = rf"{name}, for \d+ s: SELECT pg_terminate_backend\({pid}\) ends it"
        async with _at_work(older):
            with pytest.raises(StoreUnavailable, match=told):
                await asyncio.to_thread(migrate, connection, _with(WIDEN), patience=1.0)
    connection.execute("SELECT pg_advisory_unlock_all()")  # as its end would
    await asyncio.to_thread(migrate, connection, _with(WIDEN))
    assert schema(connection) == NOW + 1


async def test_what_is_needed_behind_a_waiting_step_is_refused(
    older: Store, connection: Connection
) -> None:
    await take(older, make_run(1, 3))
    known = _with(f"-- contract {NOW + 1}\nCREATE TABLE contracted ()", WIDEN)
    with pytest.raises(StoreUnavailable, match="stop them first"):
        migrate(connection, known)
    assert schema(connection) == NOW


def test_a_newer_server_counts_as_no_older_one(
    postgres_url: str, connection: Connection
) -> None:
    with open_writer(Target(postgres_url)):
        migrate(connection, _with(f"-- contract {NOW}\nCREATE TABLE contracted ()"))
    assert schema(connection) == NOW + 1


def test_a_fill_that_was_broken_off_goes_on(
    postgres_url: str, connection: Connection
) -> None:
    def left() -> int:
        row = connection.execute("SELECT count(*) FROM made").fetchone()
        assert row is not None
        return int(row[0])

    connection.execute("CREATE TABLE made AS SELECT generate_series(1, 5) AS id")
    some = (
        "WHERE id IN (SELECT id FROM made ORDER BY id LIMIT 1) RETURNING 6 / (5 - id)"
    )
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(connection, _with(f"-- fill\nDELETE FROM made {some}"))
    assert left() == 1
    with psycopg.connect(postgres_url, autocommit=True) as next_try:
        connection.close()
        migrate(next_try, _with("-- fill\nDELETE FROM made"))
        assert schema(next_try) == NOW + 1


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE made ()",
        "-- contract\n",
        "-- expand 3\n",
        "-- sometime\n",
        "-- fill",
    ],
)
def test_a_step_must_say_how_it_is_made(text: str) -> None:
    with pytest.raises(ValueError, match="how it is made"):
        step_of(NOW + 1, text)


def _until_disconnected(connection: Connection) -> None:
    """Wait until the database has noticed that an older server is gone."""

    def gone() -> bool:
        older = [migrating._at_work(NOW)]
        with connection.transaction():
            found = connection.execute(migrating._OTHERS_AT_WORK, [older]).fetchone()
        return found == (0,)

    until(gone)
