"""How SQLite finds runs: by what narrows most, whatever the order."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from quire.ports.run_finder import RunOrder, Selection
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.searchable import searchable
from quire.storage.sqlite import connection as connections
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
    connection: apsw.Connection, tx: SqliteTransaction, selection: Selection
) -> int:
    """Return how many steps of SQLite's machine a page and its count take."""
    taken = []

    def profile(told: Any) -> None:
        taken.append(told["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])

    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, profile)
    tx.finder.page(selection, RunOrder.NUMBER, None, 20)
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
