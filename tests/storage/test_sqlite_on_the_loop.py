"""Where decisions are made: on the loop that asks, or on the writer's thread."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from quire.documents.names import DocumentName
from quire.errors import StoreUnavailable
from quire.ports.document_records import Arrival
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.pace import PATIENCE, Pace
from quire.storage.sqlite.store import SqliteStore


class WatchedFiles(apsw.VFS):
    """Real files that tell of each sync, and may keep it waiting."""

    def __init__(self, name: str) -> None:
        self.syncs = 0
        self.reached = threading.Event()
        self.open = threading.Event()
        self.open.set()
        super().__init__(name, "")

    def xOpen(  # noqa: N802
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        return WatchedFile(self, name, flags)


class WatchedFile(apsw.VFSFile):
    def __init__(
        self,
        files: WatchedFiles,
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        self._files = files
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._files.syncs += 1
        self._files.reached.set()
        self._files.open.wait()
        super().xSync(flags)


@pytest.fixture
def doorbell() -> LocalDoorbell:
    return LocalDoorbell()


@pytest.fixture
async def watched(
    request: pytest.FixtureRequest, tmp_path: Path, doorbell: LocalDoorbell
) -> AsyncIterator[tuple[WatchedFiles, SqliteStore]]:
    files = WatchedFiles("watched")
    # Else a commit that this machine is slow with would send the next to the thread.
    patience = getattr(request, "param", math.inf)
    store = await SqliteStore.open(
        tmp_path, doorbell=doorbell, vfs="watched", patience=patience
    )
    yield files, store
    files.open.set()
    await store.aclose()
    files.unregister()


class Put:
    """Puts a run, and tells on which thread."""

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def __call__(self, tx: Transaction) -> int:
        tx.runs.put(Run(uid=self.uid))
        return threading.get_ident()


async def test_a_brief_decision_is_made_where_it_is_asked(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    _, store = watched
    assert await store.decide(Put("brief"), brief=True) == threading.get_ident()
    assert await store.decide(Put("other")) != threading.get_ident()


async def test_brief_decisions_that_come_together_share_a_commit(
    watched: tuple[WatchedFiles, SqliteStore], doorbell: LocalDoorbell
) -> None:
    files, store = watched
    before, syncs = doorbell.ticket("runs"), files.syncs
    await asyncio.gather(*(store.decide(Put(f"{n}"), brief=True) for n in range(20)))
    assert files.syncs == syncs + 1
    assert doorbell.ticket("runs") == before + 1


async def alone_for_a_while(store: SqliteStore) -> None:
    for n in range(20):
        await store.decide(Put(f"alone {n}"), brief=True)
        await asyncio.sleep(0)


async def test_who_is_alone_does_not_wait_for_others(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    files, store = watched
    await alone_for_a_while(store)
    syncs = files.syncs
    coroutine = store.decide(Put("at once"), brief=True)
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value == threading.get_ident()
    assert files.syncs == syncs + 1
    assert await store.view(lambda tx: tx.runs.get("at once")) is not None


async def test_others_that_come_at_last_share_a_commit(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    files, store = watched
    await alone_for_a_while(store)
    counts = []
    for turn in range(2):
        syncs = files.syncs
        many = [store.decide(Put(f"{turn} {n}"), brief=True) for n in range(20)]
        await asyncio.gather(*many)
        counts.append(files.syncs - syncs)
    assert counts == [2, 1]  # the first of all was served at once


async def test_who_asks_again_and_again_lets_others_have_their_turn(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    _, store = watched
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(turning())
    for n in range(60):
        await store.decide(Put(f"{n}"), brief=True)
    other.cancel()
    assert turns >= 30


async def test_a_decision_that_fails_at_once_tells_its_own_error(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    _, store = watched

    def fail(tx: Transaction) -> None:
        tx.runs.put(Run(uid="undone"))
        raise KeyError("its own")

    await alone_for_a_while(store)
    with pytest.raises(KeyError, match="its own"):
        await store.decide(fail, brief=True)
    assert await store.view(lambda tx: tx.runs.get("undone")) is None
    assert await store.decide(Put("next"), brief=True) == threading.get_ident()


async def test_more_than_a_loop_should_wait_for_goes_to_the_thread(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    _, store = watched
    places = await asyncio.gather(
        *(store.decide(Put(f"{n}"), brief=True) for n in range(200))
    )
    assert threading.get_ident() not in places
    assert await store.view(lambda tx: tx.runs.get("199")) is not None


async def test_the_loop_goes_on_while_a_commit_on_the_thread_waits(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    files, store = watched
    files.reached.clear()
    files.open.clear()
    slow = asyncio.create_task(store.decide(Put("slow")))
    await asyncio.to_thread(files.reached.wait)
    # The thread has the connection: this one waits for it, and the loop does not.
    brief = asyncio.create_task(store.decide(Put("brief"), brief=True))
    await asyncio.sleep(0.01)
    assert not brief.done()
    files.open.set()
    assert await brief == await slow


@pytest.mark.parametrize("watched", [PATIENCE], indirect=True)
async def test_after_a_slow_commit_the_thread_makes_them(
    watched: tuple[WatchedFiles, SqliteStore],
) -> None:
    files, store = watched
    files.open.clear()
    threading.Timer(0.5, files.open.set).start()
    assert await store.decide(Put("slow"), brief=True) == threading.get_ident()
    assert await store.decide(Put("next"), brief=True) != threading.get_ident()


class Adopt:
    """Gives a run what waits for it, and tells how many, and on which thread."""

    def __call__(self, tx: Transaction) -> tuple[int, int]:
        adopted = tx.documents.adopt("descriptor", "run")
        tx.runs.put(Run(uid="run", documents=len(adopted)))
        return len(adopted), threading.get_ident()


@pytest.mark.parametrize(("waiting", "stays"), [(100, True), (2001, False)])
async def test_what_turns_out_long_is_made_on_the_thread(
    watched: tuple[WatchedFiles, SqliteStore], waiting: int, *, stays: bool
) -> None:
    _, store = watched
    arrivals = [
        Arrival(name=DocumentName.EVENT, raw=b"{}", keys=(n,), waits_for="descriptor")
        for n in range(waiting)
    ]
    await store.decide(lambda tx: tx.documents.append(None, arrivals))
    places = await asyncio.gather(
        store.decide(Put("beside"), brief=True), store.decide(Adopt(), brief=True)
    )
    loop = threading.get_ident()
    assert (places[0] == loop) is stays
    assert places[1] == (waiting, places[0])
    found = await store.view(lambda tx: [tx.runs.get(uid) for uid in ("run", "beside")])
    assert found == [Run(uid="run", documents=waiting), Run(uid="beside")]


async def test_the_keys_of_a_long_run_are_read_on_the_thread(
    watched: tuple[WatchedFiles, SqliteStore], tmp_path: Path, doorbell: LocalDoorbell
) -> None:
    _, store = watched
    arrivals = [
        Arrival(name=DocumentName.EVENT, raw=b"{}", keys=(n,)) for n in range(2001)
    ]
    await store.decide(lambda tx: tx.documents.append("run", arrivals))
    await store.aclose()
    again = await SqliteStore.open(tmp_path, doorbell=doorbell, patience=math.inf)

    def look(tx: Transaction) -> tuple[int, int]:
        return len(tx.documents.find("run", [0, 1, 5000])), threading.get_ident()

    first = await again.decide(look, brief=True)
    assert first[0] == 2
    assert first[1] != threading.get_ident()
    assert await again.decide(look, brief=True) == (2, threading.get_ident())
    await again.aclose()


async def test_what_waits_on_the_loop_at_the_end_is_committed(
    watched: tuple[WatchedFiles, SqliteStore], tmp_path: Path, doorbell: LocalDoorbell
) -> None:
    _, store = watched
    last = asyncio.create_task(store.decide(Put("last"), brief=True))
    await asyncio.sleep(0)  # it is submitted now, and its commit is due next
    await asyncio.gather(last, store.aclose())
    with pytest.raises(StoreUnavailable):
        await store.decide(Put("late"), brief=True)
    again = await SqliteStore.open(tmp_path, doorbell=doorbell)
    assert await again.view(lambda tx: tx.runs.get("last")) is not None
    await again.aclose()


def test_a_disk_is_quick_until_it_was_slow_and_again_after_a_rest() -> None:
    pace = Pace()
    assert pace.is_quick(0.0)
    pace.took(0.001, now=1.0)
    assert pace.is_quick(1.0)
    pace.took(0.5, now=2.0)
    assert not pace.is_quick(2.0)
    assert not pace.is_quick(6.9)
    assert pace.is_quick(7.1)


def test_a_quick_commit_does_not_end_the_rest() -> None:
    pace = Pace()
    pace.took(0.5, now=0.0)
    pace.took(0.003, now=1.0)
    assert not pace.is_quick(4.9)
