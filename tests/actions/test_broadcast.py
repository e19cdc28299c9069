"""Fan-out of one log, over real stores."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from quire.access.principals import Principal
from quire.actions.broadcast import Broadcasts
from quire.actions.follow import Follow
from quire.actions.many_operations import ManyOperations, News, Wanted
from quire.actions.progress_log import tell
from quire.errors import NotFound
from quire.ports.store import Store
from quire.progress.event import ProgressEvent, complete, info
from quire.progress.log import Entry
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell


def encode(entry: Entry) -> bytes:
    return f"{entry.operation}{entry.number} ".encode()


@pytest.fixture
def follow(store: Store, doorbell: LocalDoorbell) -> Follow:
    return Follow(store, doorbell)


async def say(store: Store, name: str, *events: ProgressEvent) -> None:
    for event in events:
        await store.decide(lambda tx, event=event: tell(tx, name, event, now=1.0))  # type: ignore[misc]


async def all_of(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_every_listener_hears_all_of_it_wherever_it_begins(
    store: Store, follow: Follow
) -> None:
    calls: list[int] = []

    def counted(entry: Entry) -> bytes:
        calls.append(entry.number)
        return encode(entry)

    broadcasts = Broadcasts(follow, counted)
    await say(store, "a", info("1"), info("2"), info("3"))
    listening = [
        asyncio.create_task(all_of(broadcasts.listen("a", after)))
        for after in (0, *[1] * 300, 3)
    ]
    await asyncio.sleep(0)
    await say(store, "a", info("4"), complete("5"))
    heard = await asyncio.gather(*listening)
    assert heard[0] == b"a1 a2 a3 a4 a5 "
    assert set(heard[1:-1]) == {b"a2 a3 a4 a5 "}
    assert heard[-1] == b"a4 a5 "
    assert len(calls) < 12  # not once for each of them


async def test_one_far_behind_reads_the_log_itself(
    store: Store, follow: Follow
) -> None:
    big = b"x" * 1024**2
    broadcasts = Broadcasts(follow, lambda entry: encode(entry) + big)
    await say(store, "a", *(info(str(number)) for number in range(1, 21)))
    quick = broadcasts.listen("a", 0)
    slow = broadcasts.listen("a", 0)
    first = await anext(slow)
    last = b""
    while b"a20 " not in last:
        last = await anext(quick)
    await say(store, "a", complete("over"))
    rest = first + await all_of(slow)
    words = rest.replace(b"x", b"").split()
    assert words == [f"a{number}".encode() for number in range(1, 22)]
    assert (await all_of(quick)).startswith(b"a21 ")


async def test_the_last_to_leave_ends_the_reading(store: Store, follow: Follow) -> None:
    broadcasts = Broadcasts(follow, encode)
    await say(store, "a", info("1"))
    listening = broadcasts.listen("a", 0)
    assert await anext(listening) == b"a1 "
    before = len(asyncio.all_tasks())
    await listening.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before - 1


async def test_what_ends_the_reading_breaks_every_listener(
    store: Store, follow: Follow
) -> None:
    def fails(entry: Entry) -> bytes:
        if entry.number > 1:
            raise ZeroDivisionError(entry.event.message)
        return encode(entry)

    broadcasts = Broadcasts(follow, fails)
    await say(store, "a", info("1"))
    listening = [broadcasts.listen("a", 0) for _ in range(2)]
    assert [await anext(one) for one in listening] == [b"a1 ", b"a1 "]
    await say(store, "a", info("2"))
    for one in listening:
        with pytest.raises(ZeroDivisionError):
            await anext(one)


@pytest.fixture
async def runs(store: Store) -> tuple[str, ...]:
    names = ("a", "b", "c")
    for name in names:
        await store.decide(lambda tx, name=name: tx.runs.put(Run(uid=name)))  # type: ignore[misc]
        await say(store, name, info("one"), info("two"))
    return names


async def heard(news: AsyncIterator[News]) -> list[bytes]:
    return [piece.whole async for one in news for piece in one.pieces]


async def test_many_operations_come_by_one_stream_and_are_resumed(
    runs: tuple[str, ...],
    store: Store,
    follow: Follow,
    doorbell: LocalDoorbell,
    staff: Principal,
) -> None:
    many = ManyOperations(follow, Broadcasts(follow, encode), doorbell)
    for name in runs:
        await say(store, name, complete("three"))
    news = await many.begin(Wanted(operations=runs), staff)
    assert news is not None
    assert b"".join(sorted(await heard(news))) == b"a1 a2 a3 b1 b2 b3 c1 c2 c3 "
    wanted = Wanted(operations=runs, seen={"a": 3, "b": 1})
    news = await many.begin(wanted, staff)
    assert news is not None
    assert b"".join(sorted(await heard(news))) == b"b2 b3 c1 c2 c3 "
    over = Wanted(operations=runs, seen=dict.fromkeys(runs, 3))
    assert await many.begin(over, staff) is None


async def test_what_is_gone_is_told_and_what_is_none_is_refused(
    runs: tuple[str, ...], follow: Follow, doorbell: LocalDoorbell, staff: Principal
) -> None:
    many = ManyOperations(follow, Broadcasts(follow, encode), doorbell)
    wanted = Wanted(operations=(*runs, "nosuch"), seen={"a": 99}, replay=False)
    news = await many.begin(wanted, staff)
    assert news is not None
    assert (await anext(news)).gone == ("nosuch",)
    second = await anext(news)
    assert {one.whole for one in second.pieces} <= {b"a1 a2 ", b"b2 ", b"c2 "}
    with pytest.raises(NotFound):
        await many.begin(Wanted(operations=("nosuch",)), staff)


async def test_a_topic_says_that_something_changed(
    store: Store, follow: Follow, doorbell: LocalDoorbell, staff: Principal
) -> None:
    many = ManyOperations(follow, Broadcasts(follow, encode), doorbell)
    news = await many.begin(Wanted(operations=(), topics=("runs",)), staff)
    assert news is not None
    assert (await anext(news)).changed == ("runs",)
    await store.decide(lambda tx: tx.runs.put(Run(uid="new")))
    assert (await anext(news)).changed == ("runs",)
