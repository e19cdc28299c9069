"""Stores of every older schema are brought to this version's, and go on."""

from pathlib import Path

import apsw
import psycopg
import pytest

from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.migrate import migrate
from quire.storage.postgres.schema_steps import steps
from quire.storage.postgres.store import PostgresStore
from quire.storage.sqlite import migrate as sqlite
from quire.storage.sqlite.store import FILE_NAME, SqliteStore
from quire.testing.documents import make_run
from quire.testing.outlet_contract import take
from quire.testing.postgres.server import PostgresServer

Block = tuple[bytes | str, bytes, bytes]


async def _kept(store: Store, *seeds: int) -> None:
    """See that a store has these runs' documents, and takes others."""
    for seed in seeds:
        documents = make_run(seed, 3)
        uid = documents[0].body["uid"]
        found = await store.view(lambda tx, run=uid: tuple(tx.documents.of_run(run)))  # type: ignore[misc]
        assert sorted(one.raw for one in found) == sorted(one.raw for one in documents)


async def _go_on(store: Store) -> None:
    try:
        await _kept(store, 1)
        await take(store, make_run(2, 3))
        await _kept(store, 1, 2)
        runs = await store.view(lambda tx: tx.runs.get(make_run(2, 3)[0].body["uid"]))
        assert runs is not None
    finally:
        await store.aclose()


@pytest.fixture
async def block(tmp_path: Path) -> Block:
    """Return a run's documents as they are stored; so they were from the first on."""
    store = await SqliteStore.open(tmp_path / "source", doorbell=LocalDoorbell())
    await take(store, make_run(1, 3), batch=100)
    await store.aclose()
    connection = apsw.Connection(str(tmp_path / "source" / FILE_NAME))
    ((run, directory, body),) = connection.execute(
        "SELECT run, directory, body FROM block"
    ).fetchall()
    connection.close()
    assert isinstance(run, bytes | str)
    assert isinstance(directory, bytes)
    assert isinstance(body, bytes)
    return run, directory, body


@pytest.mark.parametrize("version", sorted(sqlite._scripts()))
async def test_a_folder_of_an_older_schema_goes_on(
    tmp_path: Path, block: Block, version: int
) -> None:
    (tmp_path / "old").mkdir()
    connection = apsw.Connection(str(tmp_path / "old" / FILE_NAME))
    for number, script in sorted(sqlite._scripts().items())[:version]:
        sqlite._run(connection, number, script)
    put = "INSERT INTO block (run, directory, body) VALUES (?, ?, ?)"
    connection.execute(put, block)
    connection.close()
    store = await SqliteStore.open(tmp_path / "old", doorbell=LocalDoorbell())
    await _go_on(store)


@pytest.mark.parametrize("version", [step.number for step in steps()])
async def test_a_database_of_an_older_schema_goes_on(
    postgres_server: PostgresServer, block: Block, version: int
) -> None:
    with postgres_server.database(f"schema_{version}") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            migrate(connection, steps()[:version])
            _, *stored = block
            uid = str(make_run(1, 3)[0].body["uid"]).encode()
            put = "INSERT INTO block (run, directory, body) VALUES (%s, %s, %s)"
            connection.execute(put, [uid, *stored])
        store = await PostgresStore.open(url, doorbell=LocalDoorbell(), writers=1)
        await _go_on(store)
