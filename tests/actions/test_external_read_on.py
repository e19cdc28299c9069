"""What documents say of data in files is read once, and then what came behind."""

import random

import pytest
from tests.actions.standing import NO_ASSETS, STAFF
from tests.actions.watched import WatchedStore

from quire.actions.external import ExternalData
from quire.actions.ingest import Ingest
from quire.documents.document import Document
from quire.runs.columns.external import External
from quire.runs.run import Run
from quire.testing.documents import as_ndjson, document, make_descriptor, make_run

OPENING = make_run("external", 0, exit_status=None)
RUN = OPENING[0].body["uid"]
RESOURCE = {
    "uid": "resource",
    "run_start": RUN,
    "spec": "NPY",
    "root": "/",
    "resource_path": "a.npy",
    "resource_kwargs": {},
}
STREAM_RESOURCE = {
    "uid": "files",
    "run_start": RUN,
    "data_key": "cam",
    "mimetype": "application/x-npy",
    "uri": "file://localhost/a.npy",
    "parameters": {},
}


def described(uid: str, stream: str) -> Document:
    return document("descriptor", make_descriptor(RUN, uid, ["cam"], stream))


def span(number: int, descriptor: str) -> Document:
    ends = {"start": number, "stop": number + 1}
    named = {"uid": f"files/{number}", "stream_resource": "files"}
    where = {"descriptor": descriptor, "seq_nums": ends, "indices": ends}
    return document("stream_datum", {**named, **where})


def datum(number: int) -> Document:
    body = {"resource": "resource", "datum_id": f"resource/{number}"}
    return document("datum", {**body, "datum_kwargs": {"index": number}})


DOCUMENTS = [
    described("one", "primary"),
    described("two", "primary"),
    described("three", "dark"),
    document("resource", RESOURCE),
    document("stream_resource", STREAM_RESOURCE),
    *(span(number, "one") for number in (1, 2)),
    *(span(number, "two") for number in (3, 4)),
    span(5, "three"),
    *(datum(number) for number in range(4)),
]


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


async def sent(store: WatchedStore, ingest: Ingest, one: Document) -> Run:
    receipt = await ingest(as_ndjson([one]), "application/x-ndjson", STAFF)
    assert not receipt.refused
    run = await store.view(lambda tx: tx.runs.get(RUN))
    assert run is not None
    return run


async def anew(store: WatchedStore, run: Run, stream: str) -> External:
    return await ExternalData(store, NO_ASSETS).of(run, stream, run.documents)


@pytest.mark.parametrize("seed", range(20))
async def test_what_was_read_on_is_what_is_read_anew(
    store: WatchedStore, ingest: Ingest, seed: int
) -> None:
    data = ExternalData(store, NO_ASSETS)
    documents = [*DOCUMENTS]
    random.Random(seed).shuffle(documents)
    for one in [OPENING[0], *documents]:
        run = await sent(store, ingest, one)
        for stream in run.streams:
            found = await data.of(run, stream, run.documents)
            assert found == await anew(store, run, stream)
    assert len(found.datums) == 4


async def test_only_what_came_is_read(store: WatchedStore, ingest: Ingest) -> None:
    data = ExternalData(store, NO_ASSETS)
    for one in [OPENING[0], *DOCUMENTS]:
        run = await sent(store, ingest, one)
    await data.of(run, "primary", run.documents)
    for number in (10, 11):
        run = await sent(store, ingest, datum(number))
        store.read = 0
        found = await data.of(run, "primary", run.documents)
        assert store.read == 1
        assert f"resource/{number}" in found.datums
