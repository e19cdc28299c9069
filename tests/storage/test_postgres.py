import asyncio
import contextlib
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from quire.documents.names import DocumentName
from quire.errors import StoreFull, StoreUnavailable
from quire.ports.document_records import Arrival
from quire.ports.doorbell import Doorbell
from quire.ports.store import Decision, Store, Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres import sql
from quire.storage.postgres.store import PostgresStore
from quire.testing.not_proved import not_proved
from quire.testing.postgres.cutting import Cut, CuttingProxy
from quire.testing.postgres.server import PostgresServer
from quire.testing.store_contract import StoreContract
from quire.testing.waiting import PATIENCE


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    async def store(
        self, doorbell: Doorbell, postgres_url: str
    ) -> AsyncIterator[Store]:
        store = await PostgresStore.open(postgres_url, doorbell=doorbell)
        yield store
        await store.aclose()


ARRIVAL = Arrival(name=DocumentName.EVENT, raw=b"{}", keys=(1,))
# As a word of its own: a transaction begins with READ COMMITTED.
COMMIT = b"COMMIT\0"


def _append(run: str) -> Decision[None]:
    return lambda t: t.documents.append(run, [ARRIVAL])


async def _kept(store: Store, run: str) -> int:
    return await store.view(lambda t: len(tuple(t.documents.of_run(run))))


async def _until_ready(store: Store) -> None:
    async with asyncio.timeout(PATIENCE):
        while await store.ready():  # noqa: ASYNC110  # readiness is asked for
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def opened(
    url: str, *, writers: int = 2, readers: int = 2
) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(
        url, doorbell=LocalDoorbell(), writers=writers, readers=readers
    )
    yield store
    await store.aclose()


@pytest.mark.parametrize("where", Cut)
async def test_a_commit_whose_answer_was_lost_is_kept_once(
    postgres_url: str, where: Cut
) -> None:
    with CuttingProxy(postgres_url) as proxy:
        async with opened(proxy.url, writers=1) as store:
            for number in range(5):
                proxy.cut(COMMIT, where)
                await asyncio.gather(
                    *(store.decide(_append(f"run {number} {n}")) for n in range(7))
                )
                for n in range(7):
                    assert await _kept(store, f"run {number} {n}") == 1
            assert proxy.cuts == 5
            assert await store.ready() == ""


@pytest.mark.crash
async def test_a_commit_that_a_crash_undid_is_not_taken_for_anothers(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """The crashed server gives the transaction's number to the next that writes."""

    def crash() -> None:
        postgres_server.kill()
        postgres_server.start()
        postgres_server.wait()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            for number in range(5):
                other.execute(
                    "INSERT INTO last_commit (writer) VALUES (%s)", [f"other {number}"]
                )

    with CuttingProxy(postgres_url) as proxy:
        async with opened(proxy.url, writers=1, readers=1) as store:
            proxy.cut(COMMIT, Cut.BEFORE, crash)
            await store.decide(_append("in doubt"))
            assert proxy.cuts == 1
            assert await _kept(store, "in doubt") == 1


async def test_a_connection_that_is_lost_while_deciding_costs_nothing(
    postgres_url: str,
) -> None:
    with CuttingProxy(postgres_url) as proxy:
        async with opened(proxy.url) as store:
            for number in range(5):
                proxy.cut(b"block", Cut.BEFORE)
                await store.decide(_append(f"run {number}"))
                assert await _kept(store, f"run {number}") == 1
            assert proxy.cuts > 0


async def test_a_database_that_is_away_refuses_at_once_and_comes_back() -> None:
    with (
        PostgresServer(Path(tempfile.mkdtemp())) as server,
        server.database("store") as url,
    ):
        async with opened(url) as store:
            await store.decide(_append("before"))
            server.stop("immediate")
            for _ in range(3):
                with pytest.raises(StoreUnavailable, match="away"):
                    await store.decide(_append("lost"))
            with pytest.raises(StoreUnavailable):
                await _kept(store, "before")
            assert "away" in await store.ready()
            server.start()
            await _until_ready(store)
            await store.decide(_append("after"))
            assert [await _kept(store, run) for run in ("before", "after")] == [1, 1]
            assert await _kept(store, "lost") == 0


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("fsync=off", "fsync off"),
        ("synchronous_commit=off", "synchronous_commit is off"),
        ("full_page_writes=off", "full_page_writes off"),
        ("default_transaction_read_only=on", "takes no writes"),
    ],
)
async def test_a_server_that_may_lose_what_it_acknowledges_is_refused(
    setting: str, said: str
) -> None:
    folder = Path(tempfile.mkdtemp())
    with (
        PostgresServer(folder, [setting]) as server,
        pytest.raises(StoreUnavailable, match=said),
    ):
        await PostgresStore.open(server.url(), doorbell=LocalDoorbell())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("INSERT INTO quire_schema VALUES (99, 99)", "newer Quire"),
        ("DROP TABLE quire_schema", "no store of Quire"),
    ],
)
async def test_a_foreign_database_is_refused(
    postgres_url: str, statement: str, said: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(statement.encode())
    with pytest.raises(StoreUnavailable, match=said):
        await PostgresStore.open(postgres_url, doorbell=LocalDoorbell())


async def test_several_servers_may_start_on_an_empty_database_at_once(
    postgres_server: PostgresServer,
) -> None:
    with postgres_server.database("fresh") as url:
        stores = await asyncio.gather(
            *(PostgresStore.open(url, doorbell=LocalDoorbell()) for _ in range(4))
        )
        for store in stores:
            await store.decide(_append("run"))
        assert await _kept(stores[0], "run") == 4
        for store in stores:
            await store.aclose()


async def test_what_meets_head_on_is_decided_again(postgres_url: str) -> None:
    """Each locks two runs, in both orders: without more this is a deadlock each time."""

    def both(first: str, second: str) -> Decision[None]:
        def decide(transaction: Transaction) -> None:
            for run in (first, second):
                transaction.documents.find(run, [1])
                transaction.documents.append(run, [ARRIVAL])

        return decide

    async with opened(postgres_url) as one, opened(postgres_url) as other:
        async with asyncio.timeout(4 * PATIENCE):
            await asyncio.gather(
                *(one.decide(both("a", "b")) for _ in range(150)),
                *(other.decide(both("b", "a")) for _ in range(150)),
            )
        assert [await _kept(one, run) for run in "ab"] == [300, 300]


async def test_many_anchors_fit_the_table_of_locks(postgres_url: str) -> None:
    def adopt(transaction: Transaction) -> None:
        for number in range(8000):
            transaction.documents.adopt(f"datum {number}", "run")

    async with opened(postgres_url) as store:
        await store.decide(adopt)
        assert await store.view(lambda t: t.documents.run_of("datum 7999")) == "run"


async def test_uids_of_any_length(postgres_url: str) -> None:
    noise = random.Random(1).choices(range(32, 900), k=9000)
    long = "".join(map(chr, noise))  # no compression makes it fit an index
    waiting = Arrival(
        name=DocumentName.DATUM, raw=b"{}", keys=(5,), anchor=long, waits_for=long
    )
    async with opened(postgres_url) as store:
        await store.decide(lambda t: t.documents.append(None, [waiting]))
        await store.decide(lambda t: t.documents.adopt(long, long))
        await store.decide(_append(long))
        await store.decide(_append(long + "!"))
        assert await store.view(lambda t: t.documents.run_of(long)) == long
        assert await _kept(store, long) == 2
        found = await store.decide(lambda t: t.documents.find(long, [1, 5]))
        assert set(found) == {1, 5}


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        why = "only root may mount a tmpfs"
        pytest.skip(not_proved("a full disk", why=why, mend="run as root"))
    point = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(point)]
    if subprocess.run(mount, check=False).returncode:
        why, mend = "no tmpfs may be mounted here", "run where mount(2) is allowed"
        pytest.skip(not_proved("a full disk", why=why, mend=mend))
    shutil.chown(point, "postgres", "postgres")
    yield point
    subprocess.run(["umount", point], check=True)
    point.rmdir()


async def _until_full(store: Store) -> int:
    """Return how many large documents found space."""
    big = Arrival(name=DocumentName.EVENT, raw=os.urandom(500_000), keys=(1,))
    for kept in range(200):
        try:
            await store.decide(lambda t: t.documents.append("big", [big]))
        except StoreFull:
            return kept
    raise AssertionError("the disk is not full")


async def test_a_full_disk_is_refused_until_there_is_space(small_disk: Path) -> None:
    with PostgresServer(Path(tempfile.mkdtemp())) as server:
        with psycopg.connect(server.url(), autocommit=True) as operator:
            operator.execute(
                f"CREATE TABLESPACE small LOCATION '{small_disk}'".encode()
            )
            operator.execute(b"CREATE DATABASE small TABLESPACE small")
        async with opened(server.url("small"), writers=1) as store:
            with psycopg.connect(server.url("small"), autocommit=True) as operator:
                operator.execute(
                    "CREATE TABLE ballast AS SELECT md5(n::text) AS weight"
                    " FROM generate_series(1, 200000) AS n"
                )
                kept = await _until_full(store)
                assert await store.ready() == ""
                assert await _kept(store, "big") == kept > 0
                operator.execute("DROP TABLE ballast")
            await store.decide(_append("after"))
            assert await _kept(store, "after") == 1


def test_documents_of_a_run_are_found_by_their_index(postgres_url: str) -> None:
    """Also by the plan that is made once for all runs."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO block (run, directory, body)"
            " SELECT convert_to('run ' || n / 10, 'UTF8'), '', ''"
            " FROM generate_series(1, 20000) AS n"
        )
        connection.execute(
            "INSERT INTO adopted (run, number)"
            " SELECT convert_to('run ' || n / 10, 'UTF8'), n"
            " FROM generate_series(1, 20000) AS n"
        )
        for analysed in (False, True):
            if analysed:
                connection.execute("ANALYZE block, adopted")
            for name, query, given in (
                ("news", sql.NEWS_OF_RUN, "bytea, bigint, bigint"),
                ("ids", sql.BLOCK_IDS_OF_RUN, "bytea, bigint"),
                ("late", sql.ADOPTED_OF_RUN, "bytea"),
            ):
                for place, key in enumerate(("run", "block", "adopted"), 1):
                    query = query.replace(f"%({key})s", f"${place}")  # noqa: PLW2901
                text = query.replace("%(first)s", "$2")
                name = f"{name}_{analysed}"  # noqa: PLW2901
                connection.execute(f"PREPARE {name} ({given}) AS {text}".encode())
                connection.execute("SET plan_cache_mode = force_generic_plan")
                values = ", ".join(["'run 7'", "0", "0"][: given.count(",") + 1])
                plan = connection.execute(
                    f"EXPLAIN EXECUTE {name} ({values})".encode()
                ).fetchall()
                told = "\n".join(line for (line,) in plan)
                assert "Seq Scan" not in told, told
                assert "block_pkey" not in told, told
                assert "adopted_pkey" not in told, told
