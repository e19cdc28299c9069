from quire.actions.backlog import Backlog
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Store, Transaction

NOW = 10_000.0


def job(number: int, owner: str = "ann", kind: str = "k", *, ready: float = 0.0) -> Job:
    return Job(
        id=f"{owner}.{number:05}",
        kind=kind,
        owner=owner,
        phase=Phase.QUEUED,
        created=float(number),
        not_before=ready,
    )


def nobody(_: Job) -> bool:
    return False


async def put(store: Store, *jobs: Job) -> None:
    def decision(tx: Transaction) -> None:
        for one in jobs:
            tx.jobs.put(one)

    await store.decide(decision)


async def read(store: Store, backlog: Backlog, *, enough: bool = True) -> list[str]:
    await store.view(lambda tx: backlog.read(tx, NOW, lambda: enough))
    return sorted(one.id for one in backlog.heads(1))


async def test_a_short_queue_is_read_whole(store: Store) -> None:
    await put(store, *(job(n, owner) for n in range(5) for owner in ("ann", "bob")))
    await put(store, job(0, "cleo", ready=NOW + 1))
    backlog = Backlog(nobody)
    assert await read(store, backlog) == ["ann.00000", "bob.00000"]
    assert backlog.whole
    assert len(backlog.heads(9)) == 10


async def test_what_came_last_is_seen_behind_a_long_queue(store: Store) -> None:
    await put(store, *(job(number) for number in range(1000)))
    backlog = Backlog(nobody)
    await read(store, backlog)
    assert not backlog.whole
    await put(store, job(2000, "bob"))
    assert await read(store, backlog) == ["ann.00000", "bob.02000"]


async def test_it_looks_far_where_the_oldest_cannot_begin(store: Store) -> None:
    await put(store, *(job(number) for number in range(900)))
    await put(store, job(900, "bob"), *(job(number) for number in range(901, 1700)))
    near, far = Backlog(nobody), Backlog(nobody)
    assert await read(store, near) == ["ann.00000"]
    assert await read(store, far, enough=False) == ["ann.00000", "bob.00900"]
    assert far.fresh_until > near.fresh_until


async def test_what_was_launched_or_dropped_is_not_offered(store: Store) -> None:
    await put(store, job(1), job(2), job(3))
    backlog = Backlog(lambda one: one.id == "ann.00001")
    assert await read(store, backlog) == ["ann.00002"]
    backlog.drop(job(2))
    backlog.drop(job(2))
    assert [one.id for one in backlog.heads(5)] == ["ann.00003"]
