"""How SQLite finds runs: by what narrows most, whatever the order."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from quire.ports.run_finder import RunOrder, Selection
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.run import Run
from quire.runs.searchable import Searchable, searchable
from quire.storage.sqlite import connection as connections
from quire.storage.sqlite.id_bounds import ids_of
from quire.storage.sqlite.number_pages import spans
from quire.storage.sqlite.order_keys import span
from quire.storage.sqlite.runs import CODEC
from quire.storage.sqlite.store import FILE_NAME
from quire.storage.sqlite.transaction import SqliteTransaction
from quire.testing.made_up.filling import fill
from quire.testing.made_up.runs import runs

MANY = 6_000  # more than are sorted sooner than walked
PARSER = QueryParser(FieldRegistry())


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searched") / "data"
    fill(folder, MANY, "as tested", small=True, processes=1)
    return folder


@pytest.fixture
def reading(many: Path) -> Iterator[tuple[SqliteTransaction, apsw.Connection]]:
    connection = connections.open_reader(many / FILE_NAME)
    yield SqliteTransaction(connection, searchable), connection
    connection.close()


def asked(query: str) -> Selection:
    return Selection(where=PARSER.parse(query, now=0))


def steps(
    connection: apsw.Connection,
    tx: SqliteTransaction,
    selection: Selection,
    order: RunOrder = RunOrder.NUMBER,
    *,
    counting: bool = True,
) -> int:
    """Return how many steps of SQLite's machine a page and its count take."""
    taken = []

    def profile(told: Any) -> None:
        taken.append(told["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])

    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, profile)
    tx.finder.page(selection, order, None, 20)
    if counting:
        tx.finder.count(selection, 10_000, lacking=False)
    connection.trace_v2(0, None)
    return sum(taken)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("run >= 5900", range(5_900, 6_001)),
        ("run in 3000..3019 and sample.temperature > 0", range(3_000, 3_020)),
        ("experiment = 0 and run > 5990", range(5_991, 6_001)),
        ("experiment >= 1", range(0)),
        ("experiment > 0 or experiment = 0 and run >= 5990", range(5_990, 6_001)),
        ("start.time >= 1600354000", range(5_901, 6_001)),
        ("rare = needle5000", [5_001]),
    ],
)
def test_what_lies_far_in_the_order_of_numbers_is_sought(
    query: str, numbers: Any, reading: tuple[SqliteTransaction, apsw.Connection]
) -> None:
    tx, connection = reading
    selection = asked(query)
    found = tx.finder.page(selection, RunOrder.NUMBER, None, 20)
    assert [run.scan_id for run in found] == list(numbers)[:20]
    back = tx.finder.page(selection, RunOrder.NUMBER_DESCENDING, None, 20)
    assert [run.scan_id for run in back] == list(numbers)[::-1][:20]
    count = tx.finder.count(selection, 10_000, lacking=False)
    assert count.matched == len(numbers)
    # To meet all 6,000 takes some 20 steps each.
    assert steps(connection, tx, selection) < 30_000


@pytest.mark.parametrize("order", [*RunOrder])
@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("scan_id > 5990", range(5_991, 6_001)),
        ("scan_id <= 10", range(1, 11)),
        ("scan_id in 100..109 or scan_id in 5900..5909", [*range(100, 110), *range(5_900, 5_910)]),
        # As a search box has 3000-3009.
        ("scan_id in 3000..3009 or run in 3000..3009", range(3_000, 3_010)),
        ("run_type != none and (scan_id = 7 or start.time >= 1600359400)", [7, *range(5_991, 6_001)]),
        ("text ~ needle5000 or scan_id in 1..9", [*range(1, 10), 5_001]),
        ("exists(start.nothing)", range(0)),
    ],
)  # fmt: skip
def test_few_are_found_in_any_order(
    query: str,
    numbers: Any,
    order: RunOrder,
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    tx, connection = reading
    selection = asked(query)
    found = tx.finder.page(selection, order, None, 20)
    descending = order in (RunOrder.NEWEST, RunOrder.NUMBER_DESCENDING)
    assert [run.scan_id for run in found] == sorted(numbers, reverse=descending)
    # To meet all 6,000 takes some 20 steps each.
    assert steps(connection, tx, selection, order) < 12_000


def test_some_uids_are_found_by_themselves(
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    tx, connection = reading
    some = [run for place, run in enumerate(runs(900, small=True)) if place % 300 == 5]
    selection = asked(f"uid in [{', '.join(repr(run.uid) for run in some)}]")
    found = tx.finder.page(selection, RunOrder.OLDEST, None, 20)
    assert [run.uid for run in found] == [run.uid for run in some]
    assert steps(connection, tx, selection, RunOrder.OLDEST) < 2_000


def test_bounds_in_one_order_bound_the_other(
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    _, connection = reading
    every = [*runs(MANY, small=True)]
    for query in ("scan_id in 1500..1600", "run in 1500..1600"):
        first, last = ids_of(connection, asked(query).where)
        assert span(every[1_500].time)[0] >= first > span(every[900].time)[1]
        assert span(every[1_600].time)[0] <= last < span(every[2_150].time)[1]
    late = ids_of(connection, asked(f"start.time > {every[3_000].time}").where)
    assert [one.low for one in spans(connection, None, late)] == [
        (0, stretch << 10) for stretch in (2, 3, 4, 5)
    ]


def test_runs_are_counted_by_their_numbers_without_being_read(
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    """As RunDB's `from` and `min_run` have it."""
    tx, connection = reading
    wide = "run >= 2 and (experiment > 0 or experiment = 0 and run >= 3)"
    pages_read(connection)
    count = tx.finder.count(asked(wide), 10_000, lacking=False)
    assert (count.matched, count.exact) == (MANY - 2, True)
    assert pages_read(connection) < 300  # of 3,000 that hold the runs


def pages_read(connection: apsw.Connection) -> int:
    """Return how many pages were asked for since this was asked last."""
    kinds = (apsw.SQLITE_DBSTATUS_CACHE_HIT, apsw.SQLITE_DBSTATUS_CACHE_MISS)
    return sum(connection.status(kind, reset=True)[0] for kind in kinds)


def test_a_range_of_time_is_sought_in_the_runs_themselves(
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    """To ask by a term which runs have a time would say nothing, and take a walk."""
    tx, _ = reading
    query = "start.time >= 1600000000 and start.time < 1600100000"
    plan = tx.finder.explain(asked(query), RunOrder.NEWEST)
    assert plan[1] == "every run in order of time within bounds"
    assert not any("run_term" in line for line in plan)


def test_many_that_begin_late_are_walked_from_there(
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    """As RunDB's min_date has it: more match than are sorted sooner than walked."""
    tx, connection = reading
    selection = asked("start.time >= 1600048000 and sample.temperature > 0")
    found = tx.finder.page(selection, RunOrder.NUMBER, None, 20)
    assert [run.scan_id for run in found] == [*range(801, 821)]
    # Some 2 steps for each of 5,001 are counted, and 800 are met in the first stretch.
    taken = steps(connection, tx, selection, counting=False)
    assert taken < 80_000


def test_a_count_that_takes_too_long_says_how_many_it_met(many: Path) -> None:
    def slow(run: Run) -> Searchable:
        time.sleep(0.001)  # more than a second until SQLite looks at the clock
        return searchable(run)

    connection = connections.open_reader(many / FILE_NAME)
    tx = SqliteTransaction(connection, slow)
    count = tx.finder.count(asked("not text ~ copper"), 10_000, lacking=False)
    connection.close()
    assert not count.exact
    assert count.matched > 0


def test_few_scan_ids_are_narrowed_by_terms(
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    tx, _ = reading
    query = "scan_id in 2001..3000 and run_type = physics and sample.temperature < 200"
    why = tx.finder.explain(asked(query), RunOrder.NEWEST)[1]
    assert "runs by scan_id" in why
    assert "by terms" in why
    found = tx.finder.page(asked(query), RunOrder.NEWEST, None, 1_000)
    expected = [
        run.scan_id
        for run in runs(3_000, small=True)
        if (run.scan_id or 0) > 2_000
        and run.start_document()["run_type"] == "physics"
        and run.start_document()["sample"]["temperature"] < 200
    ]
    assert [run.scan_id for run in found] == expected[::-1]


def test_many_scan_ids_are_not_looked_through(
    reading: tuple[SqliteTransaction, apsw.Connection],
) -> None:
    tx, _ = reading
    why = tx.finder.explain(
        asked("scan_id in 1..5900 and run_type = physics"), RunOrder.NEWEST
    )[1]
    assert why.startswith("in order of time")


def test_two_runs_share_a_page_of_the_file(many: Path) -> None:
    """What is at its default is not written: else each run took a page of its own."""
    run = next(runs(1))
    assert b"stream_resources" not in CODEC.encode(run)
    assert CODEC.decode(CODEC.encode(run)) == run
    size = (many / FILE_NAME).stat().st_size
    assert size / MANY < 3_500
