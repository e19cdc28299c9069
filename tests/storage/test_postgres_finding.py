import asyncio
import json
import operator
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.ports.run_finder import RunOrder, RunPlace, SearchTooSlow, Selection
from quire.ports.run_records import RunQuery
from quire.ports.store import Store, Transaction
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
from quire.storage.memory.journal import Journal
from quire.storage.memory.records import MemoryRuns
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
from quire.testing.waiting import PATIENCE

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


def test_a_shared_hash_costs_a_look_and_no_wrong_answer(postgres_url: str) -> None:
    where = Selection(where=And(parts=(compare("start.a", 1), compare("start.b", 2))))
    with deciding(postgres_url) as tx:
        for uid in "xyz":
            tx.runs.put(a_run(uid, a=1, b=2 if uid == "y" else 3))
        assert [run.uid for run in _newest(tx, where)] == ["y"]
        # As if 2 and 3 had the same hash.
        tx.session.run(
            "UPDATE run_view SET terms = terms || (SELECT w.terms FROM run_view AS w"
            " WHERE w.uid = 'y') WHERE uid <> 'y'"
        )
        assert [run.uid for run in _newest(tx, where, limit=1)] == ["y"]
        assert tx.finder.count(where, 9).matched == 1


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
COMPARISONS = {
    Operator.EQUAL: operator.eq,
    Operator.LESS: operator.lt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


def test_numbers_are_compared_exactly(postgres_url: str) -> None:
    with deciding(postgres_url) as tx:
        for place, value in enumerate(NUMBERS):
            tx.runs.put(a_run(str(place), n=value))
        for literal in NUMBERS:
            for how, compares in COMPARISONS.items():
                where = compare("start.n", literal, how)
                page = tx.finder.page(
                    Selection(where=where), RunOrder.NEWEST, None, 100
                )
                expected = {
                    str(p) for p, v in enumerate(NUMBERS) if compares(v, literal)
                }
                assert {run.uid for run in page} == expected


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("50%*", {"50%", "50%_x"}),
        ("a_?", {"a_b"}),
        ("a\\*", {"a\\b"}),
        ("*\n*", {"two\nlines"}),
        ("\U0001f600", {"\U0001f600"}),
        ("?", {"\U0001f600", "_"}),
    ],
)
def test_globs_mean_what_they_say(
    postgres_url: str, pattern: str, found: set[str]
) -> None:
    texts = [
        "50%",
        "50%_x",
        "50x",
        "a_b",
        "acb",
        "a\\b",
        "two\nlines",
        "\U0001f600",
        "_",
    ]
    with deciding(postgres_url) as tx:
        for text in texts:
            tx.runs.put(a_run(f"uid of {text}", text=text))
        where = Glob(field="start.text", pattern=pattern)
        page = tx.finder.page(Selection(where=where), RunOrder.NEWEST, None, 100)
    assert {run.start_document()["text"] for run in page} == found


def test_names_with_a_nul_do_no_harm(postgres_url: str) -> None:
    with deciding(postgres_url) as tx:
        odd: dict[str, Any] = {"a\0b": 1, "c": "d\0e", "f": 2}
        tx.runs.put(a_run("u\0id", **odd))
        page = tx.finder.page(
            Selection(where=compare("start.f", 2)), RunOrder.NEWEST, None, 9
        )
        assert [run.uid for run in page] == ["u\0id"]
        assert tx.finder.distinct(Selection(), "start.a\0b", 9) == ()


def test_what_is_too_long_for_an_index_does_no_harm(postgres_url: str) -> None:
    dice = random.Random(1)
    long = "".join(chr(dice.randrange(33, 0x5000)) for _ in range(5_000))
    with deciding(postgres_url) as tx:
        tx.run_index.add("start.text")
        for uid in (long, long + "1", long[:-1]):
            tx.runs.put(
                a_run(
                    uid,
                    owner=long,
                    scan_id=10**4_000 if uid == long else 7,
                    data_groups=[long],
                    text=long[:1_000],
                    plan_name=long,
                    **{long: 1},
                )
            )
        while tx.run_index.feed(2):
            pass
    with deciding(postgres_url) as tx:
        tx.run_index.described_as("other")
        tx.run_index.described_as("another")
        assert tx.run_index.feed(9) == 3
        found = tx.runs.get(long)
        assert found is not None
        assert found.uid == long
        begun = tx.runs.page(RunQuery(limit=9, prefix=long))
        assert {run.uid for run in begun} == {long, long + "1"}
        keys = frozenset({f"group:{long}"})
        assert len(_newest(tx, Selection(visible=keys))) == 3
        some = Glob(field="start.text", pattern=f"{long[:300]}*")
        assert len(_newest(tx, Selection(where=some))) == 3
        assert len(_newest(tx, Selection(where=compare("scan_id", 7)))) == 2
        pages = [_newest(tx, Selection(), 1)]
        while pages[-1]:
            place = RunPlace(uid=pages[-1][0].uid, time=pages[-1][0].time)
            pages.append(tx.finder.page(Selection(), RunOrder.NEWEST, place, 1))
        assert {run.uid for page in pages for run in page} == {
            long,
            long + "1",
            long[:-1],
        }


def test_writers_of_one_counter_do_not_wait_for_each_other(postgres_url: str) -> None:
    with deciding(postgres_url) as one:
        one.runs.put(a_run("0", plan_name="scan"))
    with deciding(postgres_url) as one:
        one.runs.put(a_run("1", plan_name="scan"))
        with deciding(postgres_url) as other:
            other.session.run("SET lock_timeout = '5s'")
            other.runs.put(a_run("2", plan_name="scan"))
        # The second has committed, the first has not.
        one.runs.put(a_run("3", plan_name="count"))
    _assert_counted(postgres_url, {"scan": 3, "count": 1})
    with deciding(postgres_url) as tx:
        tx.runs.put(a_run("3", plan_name="scan"))
        with deciding(postgres_url) as folding:
            while folding.run_index.feed(100):
                pass
    _assert_counted(postgres_url, {"scan": 4})


def _assert_counted(url: str, expected: dict[str, int]) -> None:
    with deciding(url) as tx:
        values = tx.finder.facets(("plan_name",), None, 9)["plan_name"]
        assert {one.value: one.runs for one in values} == expected
        seen = tx.finder.facets(("plan_name",), frozenset({"user:a"}), 9)["plan_name"]
        assert {one.value: one.runs for one in seen} == expected


async def test_totals_are_right_under_many_writers_and_folds(postgres_url: str) -> None:
    dice = random.Random(3)
    plans = {str(uid): "" for uid in range(20)}

    def put(uid: str, plan: str) -> Callable[[Transaction], None]:
        return lambda tx: tx.runs.put(a_run(uid, plan_name=plan, owner=f"o{uid[-1]}"))

    async with opened(postgres_url) as one, opened(postgres_url) as other:

        async def write(store: Store, uids: list[str]) -> None:
            for number in range(60):
                uid, plan = dice.choice(uids), dice.choice(["scan", "count", "fly"])
                await store.decide(put(uid, plan))
                plans[uid] = plan
                if number % 7 == 0:
                    await store.decide(lambda tx: tx.run_index.feed(1))

        halves = list(plans)[:10], list(plans)[10:]
        await asyncio.gather(write(one, halves[0]), write(other, halves[1]))
        expected = Counter(plan for plan in plans.values() if plan)
        for _ in range(2):
            found = await one.view(lambda tx: tx.finder.facets(("plan_name",), None, 9))
            assert {v.value: v.runs for v in found["plan_name"]} == expected
            while await other.decide(lambda tx: tx.run_index.feed(1000)):
                pass


async def test_an_index_that_is_added_misses_no_run_in_flight(
    postgres_url: str,
) -> None:
    where = Between(field="start.t", low=1.0, high=2.0)
    async with opened(postgres_url) as store:
        await store.decide(lambda tx: tx.runs.put(a_run("before", t=1.5)))
        with deciding(postgres_url) as tx:
            tx.runs.put(a_run("in flight", t=1.5))
            adding = asyncio.create_task(
                store.decide(lambda tx: tx.run_index.add("start.t"))
            )
            with psycopg.connect(postgres_url, autocommit=True) as watching:
                async with asyncio.timeout(PATIENCE):
                    while not _waits(watching):  # noqa: ASYNC110  # it is asked for
                        await asyncio.sleep(0.01)
        await adding
        while await store.decide(lambda tx: tx.run_index.feed(1)):
            pass
        await store.decide(lambda tx: tx.runs.put(a_run("after", t=1.5)))
        assert [one.ready for one in await store.view(lambda tx: tx.run_index.listed())]
        lines, page = await store.view(
            lambda tx: (
                tx.finder.explain(Selection(where=where), RunOrder.NEWEST),
                tx.finder.page(Selection(where=where), RunOrder.NEWEST, None, 9),
            )
        )
        assert "the index of start.t" in lines[1]
        assert {run.uid for run in page} == {"before", "in flight", "after"}


def _waits(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return row != (0,)


def test_runs_are_described_anew_when_the_description_changes(
    postgres_url: str,
) -> None:
    def renamed(run: Run) -> Searchable:
        found = searchable(run)
        return Searchable(
            leaves={**found.leaves, "colour": ("red",)}, facets=(("f", "x"),)
        )

    with deciding(postgres_url) as tx:
        tx.run_index.described_as("1")
        for uid in "abc":
            tx.runs.put(a_run(uid, plan_name="scan"))
        while tx.run_index.feed(1000):
            pass
    where = Selection(where=compare("colour", "red"))
    with deciding(postgres_url, renamed) as tx:
        tx.run_index.described_as("2")
        assert [tx.run_index.feed(2), tx.run_index.feed(2)] == [2, 1]
        while tx.run_index.feed(2):
            pass
        page = tx.finder.page(where, RunOrder.NEWEST, None, 9)
        assert [run.uid for run in page] == ["c", "b", "a"]
        counted = tx.finder.facets(("f", "plan_name"), None, 9)
        assert [(one.value, one.runs) for one in counted["f"]] == [("x", 3)]
        assert counted["plan_name"] == ()


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


UIDS = st.sampled_from(["0-f", "0-g", "0", "zebra", "é\0", "\U0010ffff", ""])
TIMES = st.sampled_from([None, 1.0, 1.0, 2.0, float("nan")])
PUTS = st.lists(
    st.builds(
        Run,
        uid=UIDS,
        time=TIMES,
        scan_id=st.sampled_from([None, 1, 2**70]),
        owner=st.sampled_from("ab"),
        lease_until=st.sampled_from([1.0, 2.0]),
        interrupted=st.booleans(),
    ),
    max_size=8,
)
QUERIES = st.builds(
    RunQuery,
    limit=st.integers(0, 6),
    visible=st.sampled_from([None, frozenset({"user:a"})]),
    before=st.none() | st.tuples(TIMES, UIDS),
    scan_id=st.sampled_from([None, None, 1, 2**70]),
    prefix=st.builds(lambda uid, end: uid[:end], UIDS, st.sampled_from([0, 1, 9])),
    lapsed_at=st.sampled_from([None, 2.0]),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(puts=PUTS, queries=st.lists(QUERIES, min_size=3, max_size=6))
def test_runs_are_kept_and_paged_as_in_memory(
    postgres_url: str, puts: list[Run], queries: list[RunQuery]
) -> None:
    memory = MemoryRuns(Journal())
    with psycopg.connect(postgres_url) as connection:
        tx = Parts(Session(connection, Changes(), deciding=True), searchable)
        for run in puts:
            tx.runs.put(run)
            memory.put(run)
        seen = Parts(Session(connection, Changes(), deciding=False), searchable)
        for run in puts:
            assert repr(seen.runs.get(run.uid)) == repr(memory.get(run.uid))
            assert repr(tx.runs.get(run.uid)) == repr(memory.get(run.uid))
        for query in queries:
            assert repr(seen.runs.page(query)) == repr(memory.page(query))
        connection.rollback()
