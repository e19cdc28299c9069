"""What an operator is told: what is wrong, and how it is mended."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from quire.errors import InputError, StoreUnavailable
from quire.runs.searchable import searchable
from quire.storage.backups.backup import back_up
from quire.storage.backups.sources import PostgresRecords
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.store import PostgresStore
from quire.storage.postgres.target import Target
from quire.storage.surveying.places import open_survey
from quire.testing.documents import make_run
from quire.testing.outlet_contract import take
from quire.testing.postgres.server import PostgresServer
from quire.testing.waiting import until_async


@pytest.fixture
def guest(postgres_server: PostgresServer, postgres_url: str) -> Iterator[str]:
    """Return the name of a role that may connect, and no more."""
    name = "guest_" + postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        yield name
        with psycopg.connect(postgres_url, autocommit=True) as there:
            there.execute("SET default_transaction_read_only = off")
            there.execute(f"DROP OWNED BY {name}".encode())
        connection.execute(f"DROP ROLE {name}".encode())


ANEW = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


def _altered(url: str, name: str, user: str) -> tuple[str, str]:
    """Return what is done to a database, and the URL that meets it."""
    as_user = url.replace("quire@", f"{user}@")
    database = url.rpartition("/")[2]
    alter = f'ALTER DATABASE "{database}"'
    return {
        "no database": ("SELECT 1", f"{url}_none"),
        "no role": ("SELECT 1", url.replace("quire@", "nobody_there@")),
        "nobody listens": ("SELECT 1", "postgresql://quire@127.0.0.1:1/quire"),
        "no host": ("SELECT 1", "postgresql://quire@host.invalid/quire"),
        "no rights": (f"{ANEW}; GRANT USAGE ON SCHEMA public TO {user}", as_user),
        "no schema": (ANEW, as_user),
        "read only": (f"{alter} SET default_transaction_read_only = on", url),
        "no connections": (f"{alter} CONNECTION LIMIT 0", as_user),
    }[name]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("no database", r"refuses: .*does not exist \(mend the name in the URL"),
        ("no role", r"refuses: .*does not exist \(mend the user in the URL"),
        ("nobody listens", r"is away: .*refused \(start it, or mend host and port"),
        ("no host", r"is away: .*\(mend the host in the URL\)"),
        (
            "no rights",
            r"refuses: permission denied .*\(the database must be the role's",
        ),
        ("no schema", r"refuses: no schema .*\(the database must be the role's"),
        ("read only", r"takes no writes: .*name the primary"),
        (
            "no connections",
            r"refuses: .*too many connections .*\(raise max_connections",
        ),
    ],
)
async def test_what_keeps_a_server_from_starting_is_told_with_its_mend(
    postgres_url: str, guest: str, wrong: str, said: str
) -> None:
    statement, url = _altered(postgres_url, wrong, guest)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(statement.encode())
    with pytest.raises(StoreUnavailable, match=said):
        await PostgresStore.open(url, doorbell=LocalDoorbell())


async def test_a_primary_that_became_a_standby_is_told(postgres_url: str) -> None:
    """What it acknowledged until then stays, and it serves again once it may."""
    store = await PostgresStore.open(postgres_url, doorbell=LocalDoorbell(), writers=1)
    await take(store, make_run(1, 3))
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> %s"
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        alter = f'ALTER DATABASE "{name}" SET default_transaction_read_only = '
        connection.execute(f"{alter} on".encode())
        mine = [connection.info.backend_pid]
        connection.execute(f"{end_all} AND datname = current_database()".encode(), mine)
        with pytest.raises(StoreUnavailable, match="name the primary"):
            await _until_refused(store)
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"{alter} off".encode())
    await _until_taken(store)
    uid = str(make_run(1, 3)[0].body["uid"])
    kept = await store.view(lambda tx: [one.raw for one in tx.documents.of_run(uid)])
    assert len(kept) == len(make_run(1, 3))
    await store.aclose()


async def _until_refused(store: PostgresStore) -> None:
    """Take runs until one is refused with more than that a connection was lost."""
    for seed in range(2, 10_000):
        try:
            await take(store, make_run(seed, 3))
        except StoreUnavailable as problem:
            if "terminating" not in problem.reason:
                raise


async def _until_taken(store: PostgresStore) -> None:
    async def ready() -> bool:
        return not await store.ready()

    await until_async(ready)
    await take(store, make_run(0, 3))


def test_a_survey_of_what_is_no_store_says_so_once(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with (
        postgres_server.database("empty") as url,
        pytest.raises(InputError, match="holds no store"),
    ):
        open_survey(tmp_path, searchable, database=url)
    with pytest.raises(StoreUnavailable, match="mend the name"):
        open_survey(tmp_path, searchable, database=f"{url}_none")


def test_a_store_of_an_older_schema_is_served_before_it_is_surveyed(
    postgres_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DELETE FROM quire_schema WHERE version > 5")
    with pytest.raises(StoreUnavailable, match=r"schema 5 .* serve it once"):
        open_survey(tmp_path, searchable, database=postgres_url)


@pytest.mark.parametrize("wrong", ["no store", "half a copy", "nowhere"])
def test_no_backup_is_made_of_what_is_no_whole_store(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path, wrong: str
) -> None:
    """And what was begun is gone: the same command may be repeated."""
    data, destination = tmp_path / "data", tmp_path / "backup"
    data.mkdir()
    (data / "token").write_text("kept")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO moving (id, source, done) VALUES (1, 'a folder', false)"
        )
    with postgres_server.database("nothing") as empty:
        url = {"no store": empty, "half a copy": postgres_url}.get(wrong, f"{empty}_no")
        for _ in range(2):
            with pytest.raises(
                (InputError, StoreUnavailable), match=r"store|half|mend"
            ):
                back_up(
                    PostgresRecords(Target(url)),
                    data,
                    destination,
                    code_version="1",
                    told=lambda _: None,
                )
            assert list(destination.iterdir()) == []
