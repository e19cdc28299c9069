"""Forwarding to a real tiled server, through its own writer; read back by its client."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.outlets.serving import Program
from tiled.client import from_uri  # type: ignore[import-untyped]

from quire.access.principals import Principal
from quire.actions.forward import Forward, OutletStatus
from quire.actions.outlet_pump import Pacing
from quire.clock import SystemClock
from quire.outlets.tiled import TiledOutlet
from quire.outlets.tiled_child import without_rows
from quire.ports.outlet_run_records import RunState
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.documents import as_page, document, make_run, make_uid
from quire.testing.outlet_contract import take
from quire.testing.ports import free_port
from quire.testing.waiting import PATIENCE, until_async

pytestmark = pytest.mark.crash

KEY = "secret"
ADA = Principal(name="ada")
QUICK = Pacing(linger=0.01, idle=5.0, first=0.05, longest=0.2, again=0.05)


class Tiled(Program):
    """`tiled serve catalog`, on files that outlive it."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        (folder / "data").mkdir(parents=True)
        command = [
            str(Path(sys.executable).with_name("tiled")),
            "serve",
            "catalog",
            str(folder / "catalog.db"),
            "--init",
            "--write",
            str(folder / "data"),
            "--write",
            f"sqlite:///{folder / 'tables.db'}",
            "--api-key",
            KEY,
            "--port",
            str(port),
        ]
        super().__init__(command, f"http://127.0.0.1:{port}", "/healthz")


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiled]:
    server = Tiled(tmp_path_factory.mktemp("tiled"))
    server.start()
    yield server
    server.kill()


async def _held(tiled: Tiled, run: str) -> dict[str, Any]:
    """Return what tiled's own client reads: documents, and columns by stream."""
    return await asyncio.to_thread(_read, tiled.url, run)


def _read(url: str, run: str) -> dict[str, Any]:
    client = from_uri(url, api_key=KEY)
    try:
        found = client[run]
        metadata = dict(found.metadata)
        tables = {name: found[name].base["internal"].read() for name in found}
    finally:
        client.context.http_client.close()
    return {
        "start": metadata["start"],
        "stop": metadata.get("stop"),
        **{
            name: {key: list(map(float, table[key])) for key in ("seq_num", "key0")}
            for name, table in tables.items()
        },
    }


@asynccontextmanager
async def _forwarding(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled, *, settle: float = 60.0
) -> AsyncIterator[Forward]:
    outlet = TiledOutlet(tiled.url, lambda: KEY, settle=settle)
    forward = Forward({"tiled": outlet}, store, doorbell, SystemClock(), pacing=QUICK)
    forward.start()
    try:
        yield forward
    finally:
        await forward.stop()


async def _until(
    forward: Forward, condition: Callable[[OutletStatus], bool]
) -> OutletStatus:
    async def holds() -> OutletStatus | None:
        (status,) = await forward.listed()
        return status if condition(status) else None

    status: OutletStatus = await until_async(holds, 4 * PATIENCE)
    return status


def _done(status: OutletStatus) -> bool:
    return status.behind == 0


async def test_runs_are_read_back_whole(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled
) -> None:
    plain, paged = make_run("plain", 5), make_run("paged", 6, page=4)
    shuffled = make_run("shuffled", 4)
    async with _forwarding(store, doorbell, tiled) as forward:
        await take(store, plain, batch=2)
        await take(store, paged)
        await take(store, shuffled[::-1], batch=1)
        await _until(forward, _done)
    for run, events in ((plain, 5), (paged, 6), (shuffled, 4)):
        held = await _held(tiled, run[0].body["uid"])
        assert held["start"] == run[0].body
        assert held["stop"] == run[-1].body
        numbers = held["primary"]
        assert sorted(numbers["seq_num"]) == list(range(1, events + 1))
        assert sorted(numbers["key0"]) == list(range(1, events + 1))


async def test_a_run_that_tiled_cannot_hold_stops_no_other(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled
) -> None:
    uid, descriptor = make_uid("bad", "start"), make_uid("bad", "descriptor")
    bad = make_run("bad", 2)
    legal = [
        bad[0],
        document(
            "descriptor",
            {
                "uid": descriptor,
                "run_start": uid,
                "time": 1.0,
                "name": "primary",
                "data_keys": {
                    "det(1)": {"dtype": "number", "shape": [], "source": "x"}
                },
            },
        ),
        document(
            "event",
            {
                "uid": make_uid("bad", "event"),
                "descriptor": descriptor,
                "seq_num": 1,
                "time": 1.0,
                "data": {"det(1)": 1.0},
                "timestamps": {"det(1)": 1.0},
            },
        ),
        bad[-1],
    ]
    good = make_run("good", 3)
    async with _forwarding(store, doorbell, tiled) as forward:
        await take(store, legal)
        await take(store, good)
        failing = await _until(forward, lambda status: len(status.runs) > 0)
        assert failing.runs[0].run == uid
        assert failing.runs[0].error
        await take(store, make_run("after", 1))

        async def arrived() -> bool:
            held = await _held_uids(tiled)
            return {good[0].body["uid"], make_uid("after", "start")} <= held

        await until_async(arrived)
        aside = await _until(
            forward, lambda status: status.waiting[RunState.ASIDE] == 1
        )
        assert aside.trouble is None
        await forward.skip("tiled", uid, "a name that tiled cannot hold", ADA)
        skipped = await _until(forward, _done)
        assert skipped.waiting[RunState.SKIPPED] == 1


async def _held_uids(tiled: Tiled) -> set[str]:
    async with httpx.AsyncClient(base_url=tiled.url, timeout=PATIENCE) as http:
        answer = await http.get(
            "/api/v1/search/",
            headers={"Authorization": f"Apikey {KEY}"},
            params={"page[limit]": 300},
        )
        return {one["id"] for one in answer.json()["data"]}


async def test_a_late_document_and_a_run_without_a_stop(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled
) -> None:
    """The one has its run written anew; the other is written once it is silent."""
    late, open_ = make_run("late", 5), make_run("open", 4, exit_status=None)
    async with _forwarding(store, doorbell, tiled, settle=0.3) as forward:
        await take(store, [*late[:4], late[-1]])
        await take(store, open_)
        await _until(forward, _done)
        await take(store, late[4:-1])
        await _until(forward, _done)
    held = await _held(tiled, late[0].body["uid"])
    assert held["primary"]["seq_num"] == [1, 2, 3, 4, 5]
    held = await _held(tiled, open_[0].body["uid"])
    assert held["stop"] is None
    assert held["primary"]["seq_num"] == [1, 2, 3, 4]


async def test_what_others_wrote_is_never_replaced(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled, tmp_path: Path
) -> None:
    run = make_run("foreign", 2)
    other = await SqliteStore.open(tmp_path / "other", doorbell=doorbell)
    async with _forwarding(other, doorbell, tiled) as forward:
        await take(other, run)
        await _until(forward, _done)
    await other.aclose()
    before = await _held(tiled, run[0].body["uid"])
    async with _forwarding(store, doorbell, tiled) as forward:
        await take(store, make_run("foreign", 1))
        for _ in range(2):
            aside = await _until(
                forward, lambda status: status.waiting[RunState.ASIDE] == 1
            )
            assert "not by this outlet" in aside.runs[0].error
            await forward.retry("tiled")
    assert await _held(tiled, run[0].body["uid"]) == before


async def test_a_server_that_is_killed_in_between(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled
) -> None:
    runs = [make_run(("killed", seed), 3) for seed in range(4)]
    async with _forwarding(store, doorbell, tiled) as forward:
        await take(store, runs[0])
        await _until(forward, lambda status: status.sent > 0)
        tiled.kill()
        for run in runs[1:]:
            await take(store, run)
        away = await _until(forward, lambda status: status.trouble is not None)
        assert away.state == "backing-off"
        tiled.start()
        await _until(forward, _done)
    for run in runs:
        held = await _held(tiled, run[0].body["uid"])
        assert held["primary"]["seq_num"] == [1, 2, 3]
        assert held["stop"] == run[-1].body


async def test_a_container_that_is_not_there_is_no_run_s_fault(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled
) -> None:
    outlet = TiledOutlet(f"{tiled.url}/api/v1/metadata/moved", lambda: KEY)
    forward = Forward({"tiled": outlet}, store, doorbell, SystemClock(), pacing=QUICK)
    forward.start()
    await take(store, make_run("moved", 2))
    status = await _until(
        forward, lambda status: bool(status.trouble and status.trouble.failures > 5)
    )
    await forward.stop()
    assert status.waiting[RunState.ASIDE] == 0
    assert status.trouble is not None
    assert "No such entry: ['moved']" in status.trouble.error


async def test_a_writer_that_is_killed_begins_the_run_anew(
    store: Store, doorbell: LocalDoorbell, tiled: Tiled
) -> None:
    run = make_run("orphaned", 50)
    outlet = TiledOutlet(tiled.url, lambda: KEY)
    forward = Forward({"tiled": outlet}, store, doorbell, SystemClock(), pacing=QUICK)
    forward.start()

    async def writing() -> bool:
        return run[0].body["uid"] in await _held_uids(tiled)

    await take(store, run)
    await until_async(writing, 4 * PATIENCE)
    child = outlet._child
    if child is not None and child.returncode is None:
        child.kill()
    await _until(forward, _done)
    await forward.stop()
    held = await _held(tiled, run[0].body["uid"])
    assert held["primary"]["seq_num"] == list(range(1, 51))


def test_repeated_rows_are_left_out() -> None:
    events = [one.body for one in make_run(1, 4)[2:-1]]
    page = as_page(events)
    assert without_rows("event_page", page, {1, 3}) == as_page([events[0], events[2]])
    assert without_rows("event_page", page, set()) is page
    assert without_rows("start", page, {1}) is page
