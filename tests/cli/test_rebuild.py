"""`quire rebuild` on real stores: what documents say comes back, what people said stays."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from msgspec.structs import replace
from tests.cli.kept import RUN, RUNS, call, fill, seen, serve, told

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest
from quire.cli.outcomes import Outcome
from quire.clock import SystemClock
from quire.documents.validation import Validator
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.codec import Codec
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.connection import open_writer
from quire.storage.sqlite.store import FILE_NAME, SqliteStore
from quire.storage.sqlite.uids import to_column
from quire.storage.surveying.sqlite_survey import SqliteSurvey
from quire.testing.documents import as_ndjson, make_run, make_uid

CODEC = Codec(Run)
LOST = make_uid(1, "start")


def spoilt(record: bytes) -> bytes:
    run = CODEC.decode(record)
    return CODEC.encode(replace(run, documents=1, streams={}, plan_name="forged"))


def spoil_sqlite(database: apsw.Connection) -> None:
    uid = to_column(RUN)
    ((record,),) = database.execute("SELECT record FROM run WHERE uid = ?", (uid,))
    assert isinstance(record, bytes)
    change = "UPDATE run SET record = ?, view = jsonb('{}') WHERE uid = ?"
    database.execute(change, (spoilt(record), uid))
    database.execute("DELETE FROM run WHERE uid = ?", (to_column(LOST),))
    database.execute("UPDATE facet SET runs = 77")
    database.execute("INSERT INTO run_term (run_term) VALUES ('delete-all')")


def spoil_postgres(database: psycopg.Connection[Any]) -> None:
    query = "SELECT record FROM run WHERE uid = %s"
    ((record,),) = database.execute(query, [RUN.encode()]).fetchall()
    change = "UPDATE run SET record = %s WHERE uid = %s"
    database.execute(change, [spoilt(record), RUN.encode()])
    database.execute("DELETE FROM run WHERE uid = %s", [LOST.encode()])
    database.execute("UPDATE facet SET runs = 77")
    database.execute("UPDATE run_view SET terms = '{}', view = '{}'")


def comes_back(folder: Path, url: str, spoil: Callable[[], None]) -> None:
    """Spoil a store that a server has filled; rebuild it, and compare what is seen."""
    words = ("--database", url) if url else ()
    server = serve(folder, url)
    try:
        with server.http() as http:
            product = fill(http)
            before = seen(http)
            early = call("rebuild", folder, *words, code=Outcome.BLOCKED)
            assert "another server uses" in early.output
    finally:
        server.stop()
    assert len(before["by plan"]) == len(before["by text"]) == RUNS
    assert before["by flag"] == [RUN]
    column_file = folder / "streams" / "ab" / "abc" / "primary.parquet"
    column_file.parent.mkdir(parents=True)
    column_file.write_bytes(b"of old")

    spoil()
    assert told("audit", folder, *words, code=1)["good"] is False
    dry = told("rebuild", folder, *words, "--dry-run")
    expected = [
        {"uid": LOST, "fields": []},
        {"uid": RUN, "fields": ["plan_name", "streams", "documents"]},
    ]
    assert sorted(dry["different"], key=lambda one: len(one["fields"])) == expected
    assert dry["fields"] == {"plan_name": 1, "streams": 1, "documents": 1}
    assert (dry["written"], dry["runs"], dry["unfit"]) == (False, RUNS, [])
    assert told("audit", folder, *words, code=1)["good"] is False
    assert column_file.exists()

    done = told("rebuild", folder, *words)
    assert {**done, "written": False} == dry
    assert not column_file.exists()
    assert told("audit", folder, *words)["good"] is True
    server = serve(folder, url)
    try:
        with server.http() as http:
            after = seen(http)
            assert http.get(product["links"]["file"]).status_code == 200
    finally:
        server.stop()
    assert after == before
    again = call("rebuild", folder, *words)
    assert f"{RUNS} runs folded; 0 stored otherwise" in again.stdout


def test_a_folder_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    def spoil() -> None:
        database = open_writer(folder / FILE_NAME)
        spoil_sqlite(database)
        database.close()

    comes_back(folder, "", spoil)


def test_a_database_comes_back(tmp_path: Path, postgres_url: str) -> None:
    def spoil() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as database:
            spoil_postgres(database)

    comes_back(tmp_path / "data", postgres_url, spoil)


async def filled(folder: Path) -> None:
    """Make a store with a run."""
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    ingest = Ingest(store, Validator(), SystemClock(), lease=600.0)
    owner = Principal(name="ada", scopes=frozenset({Scope.ADMIN_ALL}))
    await ingest(as_ndjson(make_run(0)), "application/x-ndjson", owner)
    await store.aclose()


def test_what_cannot_be_folded_is_said_loudly(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asyncio.run(filled(folder))
    database = open_writer(folder / FILE_NAME)
    database.execute("DELETE FROM block")
    done = call("rebuild", folder, code=1)
    said = f"quire: NOT REBUILT: run {RUN}: it has no documents any more"
    assert said in done.output
    ((record,),) = database.execute("SELECT record FROM run")
    assert isinstance(record, bytes)
    assert CODEC.decode(record).documents == len(make_run(0))
    database.close()


def test_it_can_be_cut_short_and_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asyncio.run(filled(folder))
    # As after a process that was killed once all views were cleared.
    survey = SqliteSurvey(folder, searchable)
    survey.forget_views()
    database = open_writer(folder / FILE_NAME)
    assert list(database.execute("SELECT stale FROM run")) == [(2,)]
    assert told("audit", folder)["good"] is True
    assert told("rebuild", folder)["different"] == []
    assert list(database.execute("SELECT stale FROM run")) == [(0,)]
    counted = "SELECT runs FROM facet WHERE value = 'count'"
    assert list(database.execute(counted)) == [(1,)]
    database.close()


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_no_store_is_told_and_none_made(tmp_path: Path, name: str) -> None:
    assert "holds no store" in call("rebuild", tmp_path / name, code=2).output
    assert list(tmp_path.iterdir()) == []
