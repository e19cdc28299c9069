"""What of a run must change for its indexes to be fed again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from quire.runs.annotations import Annotations
from quire.runs.run import Finding, Run, Stream
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import FILE_NAME, SqliteStore

RUN = Run(
    uid="run",
    owner="me",
    start=b'{"uid":"run","time":1.0,"a":1}',
    time=1.0,
    streams={"primary": Stream(data_keys=("x", "y"))},
    annotations=Annotations(fields={"beam": 1}),
)
GROWN = Stream(data_keys=("x", "y"), seq_nums=((1, 7),), events=7, last_time=2.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    yield store
    await store.aclose()


async def is_fed_again(store: SqliteStore, folder: Path, after: Run) -> bool:
    """Return whether a run that was indexed is to be so again once it is `after`."""
    await store.decide(lambda tx: tx.runs.put(RUN))
    await store.decide(lambda tx: tx.run_index.feed(10))
    await store.decide(lambda tx: tx.runs.put(after))
    assert await store.view(lambda tx: tx.runs.get("run")) == after
    reading = apsw.Connection(str(folder / FILE_NAME), flags=apsw.SQLITE_OPEN_READONLY)
    ((stale,),) = reading.execute("SELECT stale FROM run").fetchall()
    reading.close()
    return bool(stale)


GROWTHS: dict[str, dict[str, Any]] = {
    "events": {"documents": 7, "streams": {"primary": GROWN}},
    "lease": {"lease_until": 7.0},
    "equal annotations": {"annotations": Annotations(fields={"beam": 1})},
}
CHANGES: dict[str, dict[str, Any]] = {
    "owner": {"owner": "you"},
    "start": {"start": b'{"uid":"run","time":1.0,"a":1.0}'},
    "status": {"interrupted": True},
    "stream": {"streams": {"baseline": Stream(data_keys=("x", "y"))}},
    "data key": {"streams": {"primary": Stream(data_keys=("x", "z"))}},
    "finding": {"findings": (Finding(rule="gap", uid="d", message=""),)},
    "device": {"devices": ("motor",)},
    "product": {"products": ("file",)},
    "float": {"annotations": Annotations(fields={"beam": 1.0})},
    "boolean": {"annotations": Annotations(fields={"beam": True})},
}


@pytest.mark.parametrize("what", GROWTHS)
async def test_what_only_grows_is_not(
    store: SqliteStore, tmp_path: Path, what: str
) -> None:
    assert not await is_fed_again(store, tmp_path, replace(RUN, **GROWTHS[what]))


@pytest.mark.parametrize("what", CHANGES)
async def test_what_it_is_searched_by_is(
    store: SqliteStore, tmp_path: Path, what: str
) -> None:
    assert await is_fed_again(store, tmp_path, replace(RUN, **CHANGES[what]))
