"""The catalog as notebooks use it, against a real server."""

import copy
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bluesky_tiled_plugins.queries as bluesky  # type: ignore[import-untyped]
import numpy as np
import pytest
import tiled.queries as tiled  # type: ignore[import-untyped]
from tests.faces.search.conftest import RUNS, searched, start, uid

from quire.client.catalog import Catalog, connect
from quire.client.errors import Refused
from quire.errors import NotFound
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, document

__all__ = ["searched"]


@pytest.fixture
def catalog(searched: ServerProcess) -> Catalog:
    address = searched.address
    return connect(address.url, address.token)


def numbers(runs: Any) -> list[int]:
    return [int(run.uid[:8], 16) for run in runs]


def test_runs_are_named_in_every_way(catalog: Catalog) -> None:
    assert catalog[uid(7)].uid == uid(7)
    assert catalog["0000000a"].uid == uid(10)
    assert catalog.uid["0000000a"].uid == uid(10)
    # Zeros before a number are those of a uid: this is no scan number 12.
    assert catalog["00000012"].uid == uid(0x12)
    every = catalog.search("scan_id >= 0")
    assert every["00000012"].uid == uid(0x12)
    assert every["3"].uid == uid(23)
    # 3 and 23 have one number: the latest start wins.
    assert catalog[3].uid == catalog.scan_id[3].uid == catalog["3"].uid == uid(23)
    assert catalog[-1].uid == catalog.scan_id[-1].uid == uid(23)
    assert numbers(catalog[-5:]) == [19, 20, 21, 22, 23]
    assert numbers(catalog[-5:-2]) == [19, 20, 21]
    assert numbers(catalog[[-1, uid(2), 5]]) == [23, 2, 5]
    assert numbers(catalog[-2:-5:-1]) == [22, 21, 20]
    assert numbers(catalog[-20::-2]) == [4, 2, 0]
    assert uid(3) in catalog
    assert catalog[uid(3)] in catalog
    # Out of a table of scan numbers.
    assert catalog[np.int64(3)].uid == uid(23)
    assert np.int64(-1) in catalog
    assert numbers(catalog[np.array([5, -1])]) == [5, 23]
    with pytest.raises(TypeError, match="bytes"):
        catalog[b"00000007"]
    assert "nothing-there" not in catalog
    with pytest.raises(ValueError, match="values"):
        catalog[:5]
    with pytest.raises(KeyError):
        catalog[-100]
    with pytest.raises(KeyError):
        catalog[12345]


def test_the_same_within_a_search(catalog: Catalog) -> None:
    found = catalog.search("plan_name = count")
    assert found[3].uid == uid(3)
    assert found[-1].uid == uid(21)
    assert numbers(found[-2:]) == [18, 21]
    assert found["00000003-0"].uid == found[uid(3)].uid == uid(3)
    with pytest.raises(KeyError):
        found[uid(1)]
    with pytest.raises(KeyError):
        found[2]
    with pytest.raises(ValueError, match="several"):
        found.uid["00000"]
    with pytest.raises(KeyError):
        found[-9]
    with pytest.raises(KeyError):
        found["0000*3-0"]  # the beginning of none


def test_searches_chain_and_combine(catalog: Catalog) -> None:
    scans = catalog.search("plan_name = scan")
    copper = catalog.search({"sample.name": "Cu7"})
    assert numbers(scans.search("scan_id < 5")) == [22, 4, 1]
    assert numbers(scans.search("scan_id < 5", "experiment = 26")) == [4, 1]
    assert numbers(copper | scans.search("experiment = 27 and run = 2")) == [13, 7]
    assert numbers(~scans) == [n for n in reversed(range(RUNS)) if n % 3 != 1]
    both = scans | catalog
    assert len(both) == RUNS
    assert list(~catalog) == []
    assert len(scans) == 8
    assert bool(scans)
    assert not catalog.search("plan_name = nosuch")


def test_an_or_inside_one_text_stays_inside(catalog: Catalog) -> None:
    found = catalog.search("scan_id = 1 or scan_id = 2").search("experiment = 27")
    assert numbers(found) == [22, 21]


QUERIES = [
    (tiled.Key("plan_name") == "scan", lambda n: n % 3 == 1),
    (tiled.Key("start.plan_name") != "scan", lambda n: n % 3 != 1),
    (tiled.Key("scan_id") > 17, lambda n: n % 20 > 17),
    (tiled.Key("sample.T") <= 1.5, lambda n: n <= 3),
    (tiled.Key("stop.exit_status") == "fail", lambda n: n % 6 == 0),
    (tiled.In("plan_name", ["scan", "count"]), lambda n: n % 3 != 2),
    (tiled.NotIn("plan_name", ["scan", "count"]), lambda n: n % 3 == 2),
    (tiled.Contains("data_groups", "beam"), lambda n: n % 5 == 0),
    (tiled.Like("sample.name", "Cu1_"), lambda n: n in (11, 13, 15, 17, 19)),
    (tiled.FullText("Ni"), lambda n: n % 2 == 0),
    (tiled.FullText("ni physics"), lambda n: n % 2 == 0 and n < 18),
    (tiled.KeyPresent("stop.uid"), lambda n: n != RUNS - 1),
    (tiled.KeyPresent("stop.uid", exists=False), lambda n: n == RUNS - 1),
    (tiled.Regex("sample.name", "^Cu1"), lambda n: n % 2 and str(n).startswith("1")),
    (tiled.Regex("plan_name", "scan"), lambda n: n % 3),
    (bluesky.ScanID(3), lambda n: n in (3, 23)),
    (bluesky.ScanID(3, 4), lambda n: n in (3, 4, 23)),
    (bluesky.ScanID(), lambda _: False),
    (tiled.In("scan_id", []), lambda _: False),
    (tiled.NotIn("scan_id", []), lambda _: True),
    (tiled.In("scan_id", np.array([3, 5])), lambda n: n in (3, 5, 23)),
    (tiled.Key("scan_id") == np.int64(5), lambda n: n == 5),
    (tiled.KeysFilter([]), lambda _: False),
    (bluesky.PartialUID(), lambda _: False),
    (bluesky.ScanIDRange(5, 8), lambda n: n in (5, 6, 7)),
    (bluesky.PartialUID("0000000"), lambda n: n < 16),
    (
        bluesky.TimeRange(since=1_700_000_060, until=1_700_000_180),
        lambda n: n in (1, 2),
    ),
    (bluesky.TimeRange(since=0), lambda _: True),
    (bluesky.TimeRange(until="2014", timezone="US/Eastern"), lambda _: False),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    QUERIES,
    ids=[f"{p}-{q!r}"[:50] for p, (q, _) in enumerate(QUERIES)],
)
def test_bluesky_queries_mean_what_they_mean(
    query: Any, expected: Any, catalog: Catalog
) -> None:
    wanted = [n for n in reversed(range(RUNS)) if expected(n)]
    assert numbers(catalog.search(query)) == wanted


def test_what_cannot_be_asked_says_so(catalog: Catalog) -> None:
    with pytest.raises(Refused, match="glob") as caught:
        list(catalog.search(tiled.Regex("plan_name", "(a|b)+")))
    assert caught.value.status == 400
    with pytest.raises(ValueError, match="case"):
        catalog.search(tiled.Regex("plan_name", "a", case_sensitive=False))
    with pytest.raises(ValueError, match="inf cannot be asked for"):
        catalog.search(tiled.Key("n") == float("inf"))
    with pytest.raises(TypeError, match="ScanID"):
        catalog.search(object())
    with pytest.raises(Refused, match=r"column 1: .*did you mean 'plan_name'"):
        list(catalog.search("plan_nam = scan"))
    with pytest.raises(ValueError, match="empty"):
        catalog.search(" ")
    with pytest.raises(TypeError, match=r"datetime cannot .*seconds"):
        catalog.search(tiled.Key("time") > datetime(2026, 11, 1, tzinfo=UTC))


def test_orders_values_and_slices(catalog: Catalog) -> None:
    oldest = catalog.sort(("start.time", 1))
    assert numbers(oldest)[:3] == [0, 1, 2]
    assert numbers(oldest.values()[2:5]) == [2, 3, 4]
    assert numbers(oldest.values()[-2:]) == [22, 23]
    assert numbers(oldest.values()[::-10]) == [23, 13, 3]
    assert oldest.keys().first() == uid(0)
    assert oldest.values().last().uid == uid(23)
    assert numbers(oldest.values().head(2)) == [0, 1]
    assert numbers(oldest.values().tail(2)) == [22, 23]
    assert oldest.items()[3][0] == uid(3)
    # Out of an array of places.
    assert oldest.values()[np.int64(3)].uid == uid(3)
    assert numbers(oldest.values()[np.int64(1) : np.int64(3)]) == [1, 2]
    assert numbers(oldest.values().head(np.int64(2))) == [0, 1]
    assert len(oldest.keys()) == RUNS
    with pytest.raises(IndexError):
        oldest.values()[RUNS]
    assert numbers(catalog.sort(("experiment", -1)))[0] == 23
    with pytest.raises(ValueError, match="sorted by"):
        catalog.sort(("plan_name", 1))


def test_an_order_is_had_as_a_whole_or_not_at_all(catalog: Catalog) -> None:
    both = catalog.sort(("experiment", 1), ("start.run", 1))
    assert numbers(both) == numbers(catalog.sort(("experiment", 1)))
    with pytest.raises(ValueError, match="not by experiment, -run"):
        catalog.sort(("experiment", 1), ("run", -1))
    with pytest.raises(ValueError, match="not by -time, scan_id"):
        catalog.sort(("start.time", -1), ("scan_id", 1))


def test_values_are_counted(catalog: Catalog) -> None:
    found = catalog.search("experiment = 27").distinct("run_type", counts=True)
    values = found["metadata"]["run_type"]
    assert {one["value"]: one["count"] for one in values} == {"physics": 6, "cosmic": 6}
    plain = catalog.distinct("start.plan_name")["metadata"]["start.plan_name"]
    assert {one["count"] for one in plain} == {None}


def test_no_value_is_left_out_unsaid(tmp_path: Path) -> None:
    runs = [
        document("start", {"uid": f"run-{n}", "time": 1.0 + n, "n": n, "ten": n // 100})
        for n in range(1000)
    ]
    server = ServerProcess(tmp_path / "data")
    server.start()
    try:
        with server.http() as http:
            headers = {"content-type": "application/x-ndjson"}
            body = as_ndjson(runs)
            http.post("/api/v1/documents", content=body, headers=headers)
        address = server.address
        catalog = connect(address.url, address.token)
        assert len(catalog.distinct("ten")["metadata"]["ten"]) == 10
        few = catalog.search("n < 900")
        assert len(few.distinct("n")["metadata"]["n"]) == 900
        with pytest.raises(ValueError, match="n has 1000 values or more; narrow"):
            catalog.distinct("n")
    finally:
        server.stop()


def test_summaries_come_in_one_request(catalog: Catalog) -> None:
    asked: list[str] = []
    connection = catalog._connection
    inner = connection.ask

    def counted(method: str, path: str, **given: Any) -> Any:
        asked.append(path)
        return inner(method, path, **given)

    connection.ask = counted  # type: ignore[method-assign]
    found = {run.uid: run.start for run in catalog if run.status == "success"}
    assert len(asked) == 1
    assert found[uid(1)] == start(1)


def test_what_is_not_there_is_a_lookup_error(catalog: Catalog) -> None:
    with pytest.raises(KeyError, match="no run"):
        catalog["nothing-there"]
    with pytest.raises(NotFound):
        catalog["nothing-there"]
    with pytest.raises(ValueError, match="several"):
        catalog.uid["0000000"]


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_is_no_name_names_nothing(catalog: Catalog, name: str) -> None:
    for found in (catalog, catalog.search("scan_id >= 0")):
        assert name not in found
        with pytest.raises(KeyError):
            found.uid[name]


def test_what_is_pickled_finds_its_server_again(catalog: Catalog) -> None:
    few = catalog.search("plan_name = count")
    found, run = pickle.loads(pickle.dumps((few, few[-1])))  # noqa: S301 - our own
    assert numbers(found) == numbers(few)
    assert run.refresh().start == few[-1].start
    assert copy.deepcopy(few)[3].uid == uid(3)


def test_a_run_tells_of_itself(catalog: Catalog) -> None:
    run = catalog[-1]
    assert (run.status, run.stop, run.streams) == ("open", None, [])
    assert run.start == start(23)
    assert [name for name, _ in catalog[uid(1)].documents()] == ["start", "stop"]
    with pytest.raises(AttributeError, match="no stream 'baseline'; there are none"):
        _ = run.baseline
    assert list(run.documents(fill=False)) == list(run.documents())
    with pytest.raises(ValueError, match="data in files"):
        run.documents(fill=True)
