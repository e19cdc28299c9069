import asyncio
import errno
import os
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import apsw
import pytest
from tests.storage.failing_files import FailingFiles

from quire.documents.names import DocumentName
from quire.errors import StoreFull, StoreUnavailable
from quire.ports.document_records import Arrival
from quire.ports.doorbell import Doorbell
from quire.ports.run_records import RunQuery
from quire.ports.store import Decision, Store, Transaction
from quire.runs.run import Run
from quire.storage.key_index import KeyIndex
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.folder import file_system, unlocked
from quire.storage.sqlite.known_keys import KnownKeys
from quire.storage.sqlite.store import SqliteStore
from quire.testing.contracts.transactions import TransactionsContract
from quire.testing.store_contract import StoreContract
from quire.testing.waiting import PATIENCE

T = TypeVar("T")


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    async def store(self, doorbell: Doorbell, tmp_path: Path) -> AsyncIterator[Store]:
        store = await SqliteStore.open(tmp_path, doorbell=doorbell)
        yield store
        await store.aclose()


class BriefStore(SqliteStore):
    """Takes every decision for a brief one, to be made on the loop."""

    async def decide(self, decision: Decision[T], *, brief: bool = True) -> T:
        return await super().decide(decision, brief=brief)


class TestBriefDecisions(TransactionsContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    async def store(self, doorbell: Doorbell, tmp_path: Path) -> AsyncIterator[Store]:
        store = await BriefStore.open(tmp_path, doorbell=doorbell)
        yield store
        await store.aclose()


async def _open(
    path: Path, vfs: str | None = None, kind: type[SqliteStore] = SqliteStore
) -> SqliteStore:
    return await kind.open(path, doorbell=LocalDoorbell(), vfs=vfs)


def _put(uid: str, padding: int = 0) -> "Put":
    return Put(uid, padding)


class Put:
    def __init__(self, uid: str, padding: int) -> None:
        self.run = Run(uid=uid, start=b"{}" + b" " * padding)

    def __call__(self, transaction: Transaction) -> None:
        transaction.runs.put(self.run)


async def test_what_was_kept_is_there_after_reopening(tmp_path: Path) -> None:
    arrival = Arrival(name=DocumentName.START, raw=b"{}", keys=(1,))
    store = await _open(tmp_path)
    await store.decide(lambda t: t.documents.append("run", [arrival]))
    await store.decide(_put("run"))
    await store.aclose()
    store = await _open(tmp_path / "quire.sqlite")
    assert await store.view(lambda t: t.runs.get("run")) == _put("run").run
    assert set(await store.decide(lambda t: t.documents.find("run", [1, 2]))) == {1}
    await store.aclose()


async def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    store = await _open(tmp_path / "new" / "folder")
    await store.decide(_put("run"))
    files = list((tmp_path / "new" / "folder").iterdir())
    assert {file.name for file in files} >= {"quire.sqlite", "quire.sqlite-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    await store.aclose()


async def test_commits_are_in_wal_with_full_sync(tmp_path: Path) -> None:
    store = await _open(tmp_path)
    connection = store._writer._deciding._connection
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    await store.aclose()


async def test_a_second_server_is_refused(tmp_path: Path) -> None:
    store = await _open(tmp_path)
    with pytest.raises(StoreUnavailable, match="another server uses"):
        await _open(tmp_path)
    await store.aclose()
    await (await _open(tmp_path)).aclose()


@pytest.mark.parametrize(
    ("pragma", "message"),
    [
        ("PRAGMA user_version = 99", "newer Quire"),
        ("PRAGMA application_id = 5", "no store of Quire"),
    ],
)
async def test_a_foreign_store_is_refused(
    tmp_path: Path, pragma: str, message: str
) -> None:
    await (await _open(tmp_path)).aclose()
    connection = apsw.Connection(str(tmp_path / "quire.sqlite"))
    connection.execute(pragma)
    connection.close()
    with pytest.raises(StoreUnavailable, match=message):
        await _open(tmp_path)


async def test_a_damaged_store_is_told_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "quire.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match=r"quire\.sqlite: NotADBError"):
        await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())


async def test_a_store_on_a_full_disk_says_so_when_it_is_opened(tmp_path: Path) -> None:
    files = FailingFiles("full at first")
    files.write_fails = 1
    with pytest.raises(StoreFull, match=r"quire\.sqlite: the disk is full"):
        await SqliteStore.open(tmp_path, doorbell=LocalDoorbell(), vfs="full at first")
    files.write_fails = 0
    store = await SqliteStore.open(
        tmp_path, doorbell=LocalDoorbell(), vfs="full at first"
    )
    await store.aclose()


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    mounts = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/a rw\n"
        "23 22 0:45 / /data\\040here rw - nfs4 server:/x rw\n"
        "24 23 8:2 / /data\\040here/local rw - xfs /dev/b rw\n"
    )
    assert file_system(Path("/data here/store"), mounts) == "nfs4"
    assert file_system(Path("/data here/local/store"), mounts) == "xfs"
    assert file_system(Path("/data herenot"), mounts) == "ext4"
    assert file_system(Path("/x"), "") == ""


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EWOULDBLOCK, "another server uses /data"),
        (errno.ENOLCK, r"/data cannot be locked .*keeps no locks"),
        (errno.EOPNOTSUPP, r"/data cannot be locked .*keeps no locks"),
    ],
)
def test_a_folder_that_cannot_be_locked_is_told_why(number: int, told: str) -> None:
    problem = OSError(number, os.strerror(number))
    assert re.search(told, unlocked(Path("/data"), problem).reason)


def test_known_keys_keep_to_their_limit_and_to_the_run_in_use() -> None:
    def index(keys: int) -> KeyIndex:
        made = KeyIndex()
        made.add(range(keys), 1)
        return made

    known = KnownKeys(limit=10)
    for run in "abc":
        known.put(run, index(4))
    assert known.get("a") is None
    assert known.get("b") is not None
    known.put("huge", index(99))
    assert known.get("b") is None
    assert known.get("huge") is not None


@pytest.fixture(params=[SqliteStore, BriefStore], ids=["thread", "loop"])
async def failing(
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> AsyncIterator[tuple[FailingFiles, SqliteStore]]:
    files = FailingFiles("failing")
    store = await _open(tmp_path, vfs="failing", kind=request.param)
    yield files, store
    await store.aclose()
    files.unregister()


async def _get(store: SqliteStore, uid: str) -> Run | None:
    return await store.view(lambda t: t.runs.get(uid))


async def _until_ready(store: SqliteStore) -> None:
    async with asyncio.timeout(PATIENCE):
        while await store.ready():  # noqa: ASYNC110  # readiness is asked for
            await asyncio.sleep(0.01)


async def test_a_failed_sync_acknowledges_nothing_and_mends(
    failing: tuple[FailingFiles, SqliteStore],
) -> None:
    files, store = failing
    await store.decide(_put("before"))
    files.sync_fails = 3
    results = await asyncio.gather(
        *(store.decide(_put(f"run {n}")) for n in range(5)), return_exceptions=True
    )
    assert {type(result) for result in results} == {StoreUnavailable}
    assert await store.ready() != ""
    with pytest.raises(StoreUnavailable):
        await store.decide(_put("during"))
    await _until_ready(store)
    assert files.sync_fails == 0
    await store.decide(_put("after"))
    for uid in ("before", "after"):
        assert await _get(store, uid) is not None


async def test_a_full_disk_refuses_and_needs_no_reopening(
    failing: tuple[FailingFiles, SqliteStore],
) -> None:
    files, store = failing
    connection = store._writer._deciding._connection
    files.write_fails = 1
    results = await asyncio.gather(
        *(store.decide(_put(f"run {n}")) for n in range(5)), return_exceptions=True
    )
    assert {type(result) for result in results} == {StoreFull}
    assert await store.ready() == ""
    files.write_fails = 0
    await store.decide(_put("after"))
    assert store._writer._deciding._connection is connection
    assert await store.view(lambda t: t.runs.get("run 1")) is None
    assert await store.view(lambda t: t.runs.get("after")) is not None


async def test_closing_while_the_disk_is_bad_refuses_and_ends(
    failing: tuple[FailingFiles, SqliteStore],
) -> None:
    files, store = failing
    files.sync_fails = 1000
    waiting = [asyncio.create_task(store.decide(_put(f"run {n}"))) for n in range(5)]
    with pytest.raises(StoreUnavailable):
        await waiting[0]
    await store.aclose()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {StoreUnavailable}
    files.sync_fails = 0


async def test_what_is_remembered_of_a_decision_goes_with_it(tmp_path: Path) -> None:
    store = await _open(tmp_path)

    def refused(transaction: Transaction) -> None:
        transaction.documents.adopt("anchor", "one")
        transaction.runs.put(Run(uid="one", owner="ann"))
        assert transaction.documents.run_of("anchor") in {"one", "two"}
        raise LookupError

    def other(transaction: Transaction) -> str | None:
        transaction.documents.adopt("anchor", "two")
        transaction.documents.adopt("anchor", "three")
        transaction.runs.put(Run(uid="two", owner="ann"))
        return transaction.documents.run_of("anchor")

    with pytest.raises(LookupError):
        await store.decide(refused)
    for _ in range(2):
        results = await asyncio.gather(
            *(store.decide(one) for one in (refused, other, refused)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [LookupError, str, LookupError]
        assert results[1] == "two"
    assert await store.view(lambda t: t.documents.run_of("anchor")) == "two"
    keys = frozenset({"user:ann"})
    found = await store.view(lambda t: t.runs.page(RunQuery(visible=keys, limit=9)))
    assert [run.uid for run in found] == ["two"]
    await store.aclose()
