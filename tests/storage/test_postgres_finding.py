import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any

import psycopg
import pytest

from quire.ports.run_finder import RunOrder, RunPlace, SearchTooSlow, Selection
from quire.ports.store import Store
from quire.runs.query.evaluate import evaluate
from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Glob,
    Literal,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.run import Run
from quire.runs.searchable import Searchable, searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.asking import ask, limited
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.finder import PostgresRunFinder
from quire.storage.postgres.run_copying import copy_runs
from quire.storage.postgres.run_index import PostgresRunIndex
from quire.storage.postgres.runs import PostgresRuns
from quire.storage.postgres.session import Session
from quire.storage.postgres.store import PostgresStore
from quire.testing.contracts.finding import FindingContract
from quire.testing.postgres.fixtures import copied
from quire.testing.postgres.server import PostgresServer

MANY = 20_000
EQUAL = Operator.EQUAL
TABLES = (
    b"run",
    b"run_lease",
    b"run_view",
    b"access_list",
    b"facet",
    b"facet_change",
    b"field_index",
    b"field_value",
    b"run_described",
)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await PostgresStore.open(url, doorbell=LocalDoorbell(), writers=1)
    yield store
    await store.aclose()


class TestPostgresFinding(FindingContract):
    url: str

    @pytest.fixture(autouse=True)
    def _with_database(self, postgres_url: str) -> None:
        type(self).url = postgres_url

    @classmethod
    @asynccontextmanager
    async def opened(cls, doorbell: LocalDoorbell) -> AsyncIterator[Store]:
        # To empty a database is much faster than to make another one.
        with psycopg.connect(cls.url) as connection:
            for table in TABLES:
                connection.execute(b"DELETE FROM " + table)
        store = await PostgresStore.open(cls.url, doorbell=doorbell, writers=1)
        yield store
        await store.aclose()


class Parts:
    def __init__(self, session: Session, describe: Callable[[Run], Searchable]) -> None:
        self.session = session
        self.runs = PostgresRuns(session, describe)
        self.finder = PostgresRunFinder(session, describe)
        self.run_index = PostgresRunIndex(session, self.runs, describe)


@contextmanager
def deciding(
    url: str, describe: Callable[[Run], Searchable] = searchable
) -> Iterator[Parts]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("BEGIN")
        session = Session(connection, Changes(), deciding=True)
        yield Parts(session, describe)
        connection.execute("COMMIT")


def a_run(uid: str, time: float = 1.0, **start: Any) -> Run:
    document = {"uid": uid, "time": time, **start}
    plan = start.get("plan_name")
    return Run(
        uid=uid,
        owner=start.get("owner", "a"),
        time=time,
        scan_id=start.get("scan_id"),
        plan_name=plan,
        start=json.dumps(document).encode(),
    )


@cache
def made_up() -> list[tuple[Run, Searchable]]:
    return [(run, searchable(run)) for run in _made_up(MANY)]


def _made_up(count: int) -> Iterator[Run]:
    dice = random.Random(5)
    words = ["copper", "laser", "map", "nickel", "powder", "quick", "sweep", "vacuum"]
    for number in range(count):
        yield a_run(
            f"{dice.getrandbits(64):016x}-{number}",
            1e9 + number * 60,
            scan_id=number,
            plan_name=dice.choice(["scan", "count", "fly"]),
            sample={
                "name": f"s{dice.randrange(400)}",
                "formula": dice.choice(["Cu", "Ni"]),
                "t": round(dice.uniform(4, 400), 3),
            },
            data_groups=[f"g{dice.randrange(50)}"],
            purpose=" ".join(dice.sample(words, 3)),
            rare="needle" if number % 5_000 == 17 else "hay",
        )


@pytest.fixture(scope="module")
def many(postgres_template: PostgresServer) -> Iterator[str]:
    with copied(postgres_template) as url:
        with deciding(url) as tx:
            tx.run_index.add("start.sample.t")
            found = {run.uid: each for run, each in made_up()}
            for first in range(0, MANY, 4_000):
                block = made_up()[first : first + 4_000]
                copy_runs(
                    tx.session, lambda run: found[run.uid], [run for run, _ in block]
                )
        with deciding(url) as tx:
            while tx.run_index.feed(1_000):
                pass
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield url


def compare(field: str, value: Literal, how: Operator = EQUAL) -> Tree:
    return Compare(field=field, operator=how, value=value)


ONE = compare("start.sample.name", "s7")
COMMON = compare("start.sample.formula", "Cu")
KINDS: dict[str, tuple[Tree | None, str]] = {
    "newest": (None, "run_view_newest"),
    "uid": (compare("uid", next(_made_up(1)).uid), "run_uid_key"),
    "partial uid": (Glob(field="uid", pattern="00a*"), "run_uid_key"),
    "scan_id": (compare("scan_id", 777), "run_view_scan_id"),
    "scan_ids": (Between(field="scan_id", low=500, high=600), "run_view_scan_id"),
    "numbers in a search box": (
        Or(
            parts=(
                Between(field="scan_id", low=500, high=600),
                Between(field="run", low=500, high=600),
            )
        ),
        "run_view_scan_id",
    ),
    "an or of unlike sides": (
        Or(
            parts=(
                compare("scan_id", 19_990, Operator.GREATER),
                And(parts=(Text(words=("needle",)), COMMON)),
                compare("time", 1e9 + 300, Operator.LESS),
            )
        ),
        "run_view_terms",
    ),
    "some uids": (
        OneOf(field="uid", values=tuple(run.uid for run in _made_up(3))),
        "run_uid_key",
    ),
    "runs of any experiment": (
        Between(field="run", low=500, high=600),
        "run_view_number",
    ),
    "time range": (Between(field="time", low=1e9, high=1e9 + 600), "run_view_newest"),
    "one field": (ONE, "run_view_terms"),
    "a common one": (COMMON, "run_view_newest"),
    "a list": (OneOf(field="start.sample.name", values=("s7", "s8")), "run_view_terms"),
    "two by and": (And(parts=(ONE, COMMON)), "run_view_terms"),
    "two by or": (
        Or(parts=(ONE, compare("start.data_groups", "g3"))),
        "run_view_terms",
    ),
    "a rare word": (Text(words=("needle",)), "run_view_terms"),
    "two common words": (Text(words=("copper", "laser")), "run_view_terms"),
    "four conditions": (
        And(
            parts=(
                Between(field="scan_id", low=5_000, high=5_999),
                COMMON,
                compare("start.sample.t", 200, Operator.GREATER),
                compare("plan_name", "fly"),
            )
        ),
        "run_view_scan_id",
    ),
    "indexed range": (
        Between(field="start.sample.t", low=10.0, high=11.5),
        "field_value_number",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_search_uses_an_index(many: str, kind: str) -> None:
    where, index = KINDS[kind]
    selection = Selection(where=where)
    with deciding(many) as tx:
        plan = "\n".join(tx.finder.explain(selection, RunOrder.NEWEST))
        page = tx.finder.page(selection, RunOrder.NEWEST, None, 100)
    assert f" {index} " in plan or f" {index}\n" in plan
    assert "Seq Scan" not in plan
    expected = [run.uid for run, found in reversed(made_up()) if _holds(where, found)]
    assert [run.uid for run in page] == expected[:100]


def test_run_numbers_are_sought_in_each_experiment(many: str) -> None:
    """Else all numbers of all experiments would be met."""
    selection = Selection(where=KINDS["runs of any experiment"][0])
    with deciding(many) as tx:
        plan = "\n".join(tx.finder.explain(selection, RunOrder.NUMBER))
        count = tx.finder.count(selection, 1_000, lacking=False)
    assert "experiment = ANY" in plan
    assert (count.matched, count.exact) == (101, True)


def test_what_was_never_analyzed_is_found_by_its_terms(postgres_url: str) -> None:
    with deciding(postgres_url) as tx:
        copy_runs(tx.session, searchable, [run for run, _ in made_up()[:3_000]])
        while tx.run_index.feed(1_000):
            pass
        plan = "\n".join(tx.finder.explain(Selection(where=ONE), RunOrder.NEWEST))
        assert "CTE hits" in plan
        assert " run_view_terms " in plan
        expected = [run.uid for run, found in made_up()[:3_000] if _holds(ONE, found)]
        assert [run.uid for run in _newest(tx, Selection(where=ONE))] == expected[::-1]


def _holds(where: Tree | None, found: Searchable) -> bool:
    return where is None or evaluate(where, found.leaves, found.words()) is True


def test_an_index_of_terms_is_not_left_for_the_order(many: str) -> None:
    with deciding(many) as tx:
        plan = "\n".join(tx.finder.explain(Selection(where=ONE), RunOrder.NEWEST))
    assert "CTE hits" in plan
    assert "Bitmap Index Scan on run_view_terms" in plan
    assert "Index Scan Backward using run_view_newest" not in plan


@pytest.mark.parametrize("order", RunOrder)
def test_a_page_far_behind_is_sought_not_counted_up_to(
    many: str, order: RunOrder
) -> None:
    run, _ = made_up()[9_000]
    place = RunPlace(uid=run.uid, time=run.time, run=9_000)
    if order in (RunOrder.NUMBER, RunOrder.NUMBER_DESCENDING):
        place = RunPlace(uid=place.uid, time=place.time, experiment=0, run=place.run)
    with deciding(many) as tx:
        page = tx.finder.page(Selection(), order, place, 3)
        ways = {RunOrder.NEWEST: -1, RunOrder.NUMBER_DESCENDING: -1}
        step = ways.get(order, 1)
        assert [run.scan_id for run in page] == [9_000 + step * n for n in (1, 2, 3)]


def test_facets_are_read_from_counters(many: str) -> None:
    with deciding(many) as tx:
        counted = tx.finder.facets(("plan_name", "start.data_groups"), None, 5)
        assert tx.session.row("SELECT count(*) FROM facet_change") == (0,)
    expected = Counter(run.plan_name for run, _ in made_up())
    assert {one.value: one.runs for one in counted["plan_name"]} == expected
    assert len(counted["start.data_groups"]) == 5


def test_keys_see_what_lists_admit(many: str) -> None:
    keys = frozenset({"group:g3"})
    with deciding(many) as tx:
        page = tx.finder.page(Selection(visible=keys), RunOrder.NEWEST, None, 1_000)
        (groups,) = tx.finder.facets(("start.data_groups",), keys, 5).values()
    expected = [run for run, _ in made_up() if b'["g3"]' in (run.start or b"")]
    assert [run.uid for run in page] == [run.uid for run in reversed(expected)]
    assert [(one.value, one.runs) for one in groups] == [("g3", len(expected))]


def _newest(tx: Parts, selection: Selection, limit: int = 100) -> tuple[Run, ...]:
    return tx.finder.page(selection, RunOrder.NEWEST, None, limit)


NUMBERS: tuple[float, ...] = (
    0,
    -1,
    2.5,
    0.1,
    0.30000000000000004,
    2**53,
    2**53 + 1,
    float(2**53),
    2**63 - 1,
    2**63 - 1024,
    float(2**63),
    float(2**63 - 1024),
    -(2**63),
    -float(2**63),
    1e22,
    1e300,
    5e-324,
)


def test_a_search_that_takes_too_long_ends_and_spares_its_transaction(
    postgres_url: str,
) -> None:
    with deciding(postgres_url) as tx:
        tx.runs.put(a_run("a"))
        with pytest.raises(SearchTooSlow), limited(tx.session, 0.05):
            ask(tx.session, "SELECT pg_sleep(60)", {})
        tx.runs.put(a_run("b"))
        ask(tx.session, "SELECT pg_sleep(0.1)", {})
    with deciding(postgres_url) as tx:
        assert tx.finder.count(Selection(), 10).matched == 2
