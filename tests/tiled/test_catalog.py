"""The catalog through tiled's own client and bluesky-tiled-plugins."""

import asyncio
from pathlib import Path
from typing import Any

import bluesky_tiled_plugins.queries as bluesky  # type: ignore[import-untyped]
import httpx
import pytest
import tiled.queries as tiled  # type: ignore[import-untyped]
from bluesky_tiled_plugins import (
    CatalogOfBlueskyRuns,
)
from fastapi import HTTPException
from tests.faces.search.conftest import RUNS, start, uid
from tests.tiled.serving import KEY, Mounted
from tiled.client.utils import ClientError  # type: ignore[import-untyped]

from quire.client.connection import Connection
from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE
from quire.tiled import mount
from quire.tiled.catalog import RunsAdapter
from quire.tiled.keeping import KeptStreams
from quire.tiled.places import STRIDE
from quire.tiled.source import Page, Source


@pytest.fixture
def catalog(many: Mounted) -> Any:
    return many.catalog


def numbers(runs: Any) -> list[int]:
    return [int(run.start["uid"][:8], 16) for run in runs]


def test_runs_are_named_in_every_way(catalog: Any) -> None:
    assert isinstance(catalog, CatalogOfBlueskyRuns)
    assert len(catalog) == RUNS
    assert catalog[uid(7)].start["uid"] == uid(7)
    assert catalog["0000000a"].start["uid"] == uid(10)
    assert catalog.uid["0000000a"].start["uid"] == uid(10)
    # 3 and 23 have one number: the latest start wins.
    assert numbers([catalog[3], catalog.scan_id[3], catalog[-1]]) == [23, 23, 23]
    assert numbers(catalog[[-1, uid(2), 5]]) == [23, 2, 5]
    assert numbers([catalog[-2], catalog[-24]]) == [22, 0]
    assert uid(3) in catalog
    assert (
        uid(3)[:9] not in catalog.base_keys() if hasattr(catalog, "base_keys") else True
    )
    for missing in (uid(99), "nothing-there", 12345):
        with pytest.raises(KeyError):
            catalog[missing]
    with pytest.raises(ValueError, match="multiple"):
        catalog["00000"]
    with pytest.raises(IndexError):
        catalog[-25]


def test_a_beginning_of_a_uid_is_no_key(many: Mounted) -> None:
    asked = f"{many.url}/api/v1/metadata/{uid(7)[:9]}"
    answer = httpx.get(
        asked, headers={"Authorization": f"Apikey {KEY}"}, timeout=PATIENCE
    )
    assert answer.status_code == 404


def test_metadata_are_start_and_stop(catalog: Any) -> None:
    run = catalog[uid(7)]
    assert dict(run.start) == start(7)
    assert run.stop["exit_status"] == "success"
    assert run.metadata["stop"]["run_start"] == uid(7)
    assert catalog[-1].stop is None
    assert "scan_id=7" in repr(run)
    assert list(run) == []
    assert "RUNS" not in repr(catalog)


def test_sequences_are_sliced_from_both_ends(catalog: Any) -> None:
    assert numbers(catalog.values()) == list(range(RUNS))
    assert list(catalog) == list(catalog.keys()) == [uid(n) for n in range(RUNS)]
    assert numbers(catalog.values()[5:9]) == [5, 6, 7, 8]
    assert numbers(catalog.values()[-1:-6:-1]) == [23, 22, 21, 20, 19]
    assert numbers(catalog.values().page_size(7)) == list(range(RUNS))
    assert numbers([catalog.values().first(), catalog.values().last()]) == [0, 23]
    assert numbers(catalog.values().tail(3)) == [21, 22, 23]
    assert [key for key, _ in catalog.items()[22:30]] == [uid(22), uid(23)]
    assert catalog.keys()[30:40] == []
    with pytest.raises(IndexError):
        catalog.values()[RUNS]


def test_the_same_within_a_search(catalog: Any) -> None:
    found = catalog.search(tiled.Key("plan_name") == "count")
    assert numbers(found.values()) == list(range(0, RUNS, 3))
    assert len(found) == 8
    assert numbers([found[3], found[-1], found[uid(3)], found["00000003"]]) == [
        3,
        21,
        3,
        3,
    ]
    assert numbers(found.values().page_size(3)) == list(range(0, RUNS, 3))
    for missing in (uid(1), 2):
        with pytest.raises(KeyError):
            found[missing]


def test_orders(catalog: Any) -> None:
    newest = catalog.sort(("start.time", -1))
    assert numbers(newest.values().head(3)) == [23, 22, 21]
    assert numbers([newest.values().last()]) == [0]
    assert numbers(catalog.sort(("start.time", 1)).values()[:2]) == [0, 1]
    with pytest.raises(ClientError, match="sorted by"):
        catalog.sort(("start.plan_name", 1)).values().first()
    with pytest.raises(ClientError, match="not by -experiment, run"):
        catalog.sort(("experiment", -1), ("run", 1)).values().first()


def even(number: int) -> bool:
    return number % 2 == 0


TIME = 1_700_000_000.0
QUERIES = [
    (tiled.Key("plan_name") == "scan", lambda n: n % 3 == 1),
    (tiled.Key("start.plan_name") != "scan", lambda n: n % 3 != 1),
    (tiled.Key("sample.T") < 2, lambda n: n < 4),
    (tiled.Key("sample.T") <= 2, lambda n: n <= 4),
    (tiled.Key("scan_id") > 17, lambda n: n in (18, 19)),
    (tiled.Key("stop.exit_status") == "fail", lambda n: n % 6 == 0),
    (tiled.In("plan_name", ["scan", "count"]), lambda n: n % 3 != 2),
    (tiled.NotIn("plan_name", ["scan", "count"]), lambda n: n % 3 == 2),
    (tiled.Contains("data_groups", "beam"), lambda n: n % 5 == 0),
    (tiled.Like("sample.name", "Cu_"), lambda n: n % 2 and n < 10),
    (tiled.Like("sample.name", "Cu1%"), lambda n: n % 2 and str(n).startswith("1")),
    (tiled.Regex("sample.name", "^Cu1.*"), lambda n: n % 2 and str(n)[0] == "1"),
    (tiled.KeyPresent("stop.reason"), lambda _: False),
    (tiled.KeyPresent("sample.name"), lambda _: True),
    (tiled.KeyPresent("stop.exit_status", exists=False), lambda n: n == 23),
    (tiled.FullText("cosmic scan"), lambda n: n >= 18 and n % 3 == 1),
    (tiled.KeysFilter([uid(3), uid(5), "other"]), lambda n: n in (3, 5)),
    (tiled.KeysFilter([]), lambda _: False),
    (tiled.In("plan_name", []), lambda _: False),
    (tiled.NotIn("plan_name", []), lambda _: True),
    (tiled.SpecsQuery(["BlueskyRun"]), lambda _: True),
    (tiled.SpecsQuery(["other"]), lambda _: False),
    (tiled.SpecsQuery([], ["BlueskyRun"]), lambda _: False),
    (tiled.StructureFamilyQuery("container"), lambda _: True),
    (tiled.StructureFamilyQuery("array"), lambda _: False),
    (bluesky.ScanID(5), lambda n: n == 5),
    (bluesky.ScanIDRange(5, 8), lambda n: 5 <= n < 8),
    (bluesky.PartialUID("0000000b"), lambda n: n == 11),
    (bluesky.TimeRange(since=TIME + 60, until=TIME + 180), lambda n: n in (1, 2)),
    (bluesky.TimeRange(until="2023-11-14 22:15", timezone="UTC"), lambda n: n < 2),
    ({"sample.name": "Cu7"}, lambda n: n == 7),
]


@pytest.mark.filterwarnings("ignore:RawMongo")
@pytest.mark.parametrize(
    ("query", "wanted"), QUERIES, ids=map(str, range(len(QUERIES)))
)
def test_every_query(catalog: Any, query: Any, wanted: Any) -> None:
    found = catalog.search(query)
    right = [number for number in range(RUNS) if wanted(number)]
    assert numbers(found.values()) == right
    assert len(found) == len(right)
    if right:
        assert numbers([found.values().last()]) == [right[-1]]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (tiled.Regex("sample.name", "Cu(1|2)"), "glob"),
        (tiled.Regex("sample.name", "cu", case_sensitive=False), "case"),
        (tiled.Key("sample.name") == ["a", "list"], "single value"),
        (tiled.Key("plan_nam") == "scan", None),
        (tiled.Key("scan_id") == "text", "scan_id"),
        (tiled.Key("scan_id") == float("inf"), "inf cannot be asked for"),
        (tiled.AccessTagsFilter(["mine"]), "not supported"),
    ],
)
def test_what_cannot_be_asked_is_said(
    catalog: Any, query: Any, words: str | None
) -> None:
    found = catalog.search(query)
    if words is None:  # a key that some run may have
        assert len(found) == 0
        return
    with pytest.raises(ClientError, match=words) as caught:
        found.values().first()
    assert caught.value.response.status_code == 400


def test_distinct_values(catalog: Any) -> None:
    found = catalog.distinct(
        "start.plan_name", "start.scan_id", specs=True, counts=True
    )
    plans = {one["value"]: one["count"] for one in found["metadata"]["start.plan_name"]}
    assert plans == {"count": 8, "scan": 8, "grid_scan": 8}
    assert len(found["metadata"]["start.scan_id"]) == 20
    assert found["specs"][0]["count"] == RUNS
    counted = catalog.search(bluesky.ScanIDRange(0, 2)).distinct("start.plan_name")
    values = counted["metadata"]["start.plan_name"]
    assert {one["value"] for one in values} == {"count", "scan", "grid_scan"}
    assert {one["count"] for one in values} == {None}


def test_a_client_without_the_plugins(many: Mounted) -> None:
    plain = many.plain()
    assert len(plain) == RUNS
    assert plain[uid(3)].metadata["start"]["scan_id"] == 3
    found = plain.search(tiled.Key("start.scan_id") == 5)
    assert list(found) == [uid(5)]
    assert found[uid(5)].metadata["start"]["uid"] == uid(5)
    assert plain.keys().last() == uid(23)


async def test_pages_go_on_from_any_offset_and_stay_as_runs_arrive(
    many: Mounted,
) -> None:
    address = many.server.address
    tree = mount(address.url, address.token).sort([("", -1)])
    for offset in (1, 10, 23):
        cursor = await tree.cursor_for_offset(offset)
        keys, _ = await tree.keys_page(cursor, 1)
        assert keys == [uid(23 - offset)]
    assert await tree.cursor_for_offset(RUNS) is None
    assert await tree.items_range(RUNS, 5) == []
    first, cursor = await tree.keys_page(None, 10)
    assert first == [uid(n) for n in range(23, 13, -1)]
    # Another process of the same mount goes on from where the first has ended.
    other = mount(address.url, address.token).sort([("", -1)])
    assert cursor is not None
    second, _ = await other.keys_page(cursor, 10)
    assert second == [uid(n) for n in range(13, 3, -1)]


async def test_a_session_with_a_token_of_its_own_sees_its_own(many: Mounted) -> None:
    address = many.server.address
    with many.server.http() as http:
        made = http.post(
            "/api/v1/tokens", json={"user": "guest", "scopes": ["runs:read"]}
        ).json()
    tree = mount(address.url, address.token)
    own = tree.with_session_state({"quire_token": made["token"]})
    counts = await asyncio.gather(tree.exact_len(), own.exact_len())
    assert counts[0] == RUNS
    assert counts[1] < RUNS
    assert tree.with_session_state({"other": 1}) is tree
    assert tree.with_session_state({"quire_token": made["token"]}) is own


def test_a_mount_whose_token_is_wrong_says_so(many: Mounted) -> None:
    tree = mount(many.server.address.url, "wrong")
    with pytest.raises(Exception, match="token of this mount"):
        asyncio.run(tree.exact_len())


class Counted(Source):
    """Counts the pages that it is asked for."""

    pages = 0

    def page(self, *given: Any, **named: Any) -> Page:
        self.pages += 1
        return super().page(*given, **named)


async def test_deep_pages_are_reached_from_where_others_were(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    server.start()
    runs = 2 * STRIDE + 300
    starts = [["start", {"uid": uid(n), "time": TIME + n}] for n in range(runs)]
    try:
        with server.http() as http:
            http.post("/api/v1/documents", json=starts).raise_for_status()
        address = server.address
        with Connection(address.url, address.token) as connection:
            source = Counted(connection, KeptStreams(1))
            await walk(RunsAdapter(source), source, runs)
    finally:
        server.stop()


async def walk(tree: RunsAdapter, source: Counted, runs: int) -> None:
    assert await tree.exact_len() == runs
    cursor = await tree.cursor_for_offset(2 * STRIDE + 100)
    keys, following = await tree.keys_page(cursor, 3)
    assert keys == [uid(2 * STRIDE + 100 + n) for n in range(3)]
    assert following is not None
    asked = source.pages
    cursor = await tree.cursor_for_offset(2 * STRIDE + 101)
    assert source.pages == asked + 1
    assert (await tree.keys_page(cursor, 1))[0] == [uid(2 * STRIDE + 101)]
    seen: list[str] = []
    place: int | None = None
    asked = source.pages
    while True:
        keys, place = await tree.keys_page(place, 300)
        seen += keys
        if place is None:
            break
    assert seen == [uid(n) for n in range(runs)]
    assert source.pages - asked == -(-runs // 300)
    with pytest.raises(HTTPException, match="at most"):
        await tree.items_range()
