"""Several servers on one database: the same documents, in any split."""

import asyncio
import contextlib
import random
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import psycopg
from msgspec.structs import replace
from tests.actions.test_any_order import CASES

from quire.access.principals import Principal
from quire.actions.expire import interrupt_lapsed_runs
from quire.actions.ingest import Ingest
from quire.actions.tokens import EVERYTHING
from quire.documents.document import Document
from quire.documents.validation import Validator
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.postgres.leadership import PostgresLeadership
from quire.storage.postgres.store import PostgresStore
from quire.storage.postgres.target import Target
from quire.testing.still_clock import StillClock
from quire.testing.waiting import PATIENCE

OWNER = Principal(name="owner", scopes=EVERYTHING)
VALIDATOR = Validator()
SPLITS = 9  # of each of the cases: two hundred in all
NDJSON = "application/x-ndjson"
UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|old resource")
State = tuple[dict[str, Run | None], dict[str, Counter[bytes]], int]


def _renamed(documents: Sequence[Document], split: int) -> list[bytes]:
    """Return documents as lines, all their uids replaced by others of their own."""

    def other(found: re.Match[bytes]) -> bytes:
        name = f"{split} {found[0].decode()}"
        return str(uuid.uuid5(uuid.NAMESPACE_OID, name)).encode()

    return [
        UUID.sub(other, b'["%s",%s]' % (one.name.value.encode(), one.raw))
        for one in documents
    ]


async def _send(store: Store, lines: Sequence[bytes]) -> None:
    ingest = Ingest(store, VALIDATOR, StillClock(1.8e9), lease=600.0)
    receipt = await ingest(b"\n".join(lines), NDJSON, OWNER)
    assert receipt.refused == ()
    assert receipt.accepted + receipt.repeated == len(lines)


async def _expected(lines: Sequence[bytes]) -> State:
    store = MemoryStore(doorbell=LocalDoorbell())
    await _send(store, lines)

    def uids(tx: Transaction) -> set[str]:
        everything = store._transaction.documents.everything()
        del tx
        return {run for run, _ in everything if run is not None}

    found = await store.view(uids)
    everything = store._transaction.documents.everything()
    waiting = sum(run is None for run, _ in everything)
    return await _state(store, found, waiting)


async def _state(store: Store, uids: set[str], waiting: int) -> State:
    def look(tx: Transaction) -> State:
        return (
            {uid: _alone(tx.runs.get(uid)) for uid in uids},
            {uid: Counter(one.raw for one in tx.documents.of_run(uid)) for uid in uids},
            waiting,
        )

    return await store.view(look)


def _alone(run: Run | None) -> Run | None:
    """Return a run without what it knows of others, which their order tells."""
    return None if run is None else replace(run, borrowers=())


@contextlib.asynccontextmanager
async def opened(url: str, count: int) -> AsyncIterator[list[PostgresStore]]:
    stores = [
        await PostgresStore.open(url, doorbell=LocalDoorbell(), readers=1)
        for _ in range(count)
    ]
    yield stores
    for store in stores:
        await store.aclose()


def _parts(lines: Sequence[bytes], dice: random.Random) -> list[list[bytes]]:
    left = [*lines, *dice.choices(lines, k=dice.randint(0, len(lines)))]
    dice.shuffle(left)
    parts = []
    while left:
        size = dice.randint(1, max(1, len(left) // 2))
        parts.append(left[:size])
        left = left[size:]
    return parts


async def test_documents_in_any_split_over_servers_end_alike(postgres_url: str) -> None:
    dice = random.Random(9)
    waited = 0
    async with opened(postgres_url, 2) as stores:
        for split in range(SPLITS):
            expected, runs = [], []
            sent = []
            for place, name in enumerate(CASES):
                lines = _renamed(CASES[name], split * len(CASES) + place)
                expected.append(await _expected(lines))
                runs.append(set(expected[-1][0]))
                sent += [(dice.choice(stores), part) for part in _parts(lines, dice)]
            dice.shuffle(sent)
            # Of many decisions, which a slow machine makes again and again.
            async with asyncio.timeout(4 * PATIENCE):
                await asyncio.gather(*(_send(*one) for one in sent))
            for want, uids in zip(expected, runs, strict=True):
                assert await _state(dice.choice(stores), uids, want[2]) == want
            waited += sum(want[2] for want in expected)
    assert SPLITS * len(CASES) >= 200
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (
            waited,
        )
        gaps = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM progress_entry GROUP BY operation"
            " HAVING max(number) <> count(*)) AS gaps"
        )
        assert gaps.fetchone() == (0,)


async def test_a_sweep_does_not_undo_what_another_server_does(
    postgres_url: str,
) -> None:
    """Leases are swept by one while documents of the same runs come to another."""
    clock = StillClock(1.8e9)
    lines = _renamed(CASES["scan"], 1)
    async with opened(postgres_url, 2) as (one, other):
        await _send(one, lines[:2])
        clock.advance(10_000.0)
        for line in lines[2:]:
            await asyncio.gather(
                interrupt_lapsed_runs(other, clock), _send(one, [line])
            )
        want = await _expected(lines)
        runs, documents, _ = await _state(one, set(want[0]), 0)
        assert documents == want[1]
        (run,) = runs.values()
        (whole,) = want[0].values()
        assert run is not None
        assert whole is not None
        assert (run.documents, run.stop) == (whole.documents, whole.stop)


async def test_one_server_leads_until_it_is_gone(postgres_url: str) -> None:
    one, other = (PostgresLeadership(Target(postgres_url)) for _ in range(2))
    assert await one.holds("sweep")
    assert not await other.holds("sweep")
    assert await one.holds("sweep")
    assert await other.holds("outlets")
    await one.aclose()
    async with asyncio.timeout(PATIENCE):
        while not await other.holds("sweep"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not await one.holds("sweep")
    await other.aclose()
