"""What SQLite narrows a search by holds all that the search is true of."""

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quire.ports.store import Transaction
from quire.runs.query.evaluate import evaluate
from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Not,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.run import Run
from quire.runs.searchable import Searchable, searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite import connection as connections
from quire.storage.sqlite.conditions import Conditions
from quire.storage.sqlite.covers import match_of
from quire.storage.sqlite.few_runs import few_runs
from quire.storage.sqlite.id_bounds import EVERY_ID, ids_of
from quire.storage.sqlite.number_pages import spans
from quire.storage.sqlite.store import FILE_NAME, SqliteStore
from quire.storage.sqlite.uids import to_column

RUNS = 120
FIELD = "start.sample.t"
NUMBERS = (0, 1, 3, 1023, 1024, 5_000, -7, 2**53 + 1, 2**62, 2**63, 2**70, -(2**70))
TIMES = (None, 0.0, 5.0, 3_600.0, 1.7e9, 1.7e9 + 4_000, -1e12)
UIDS = ("a", "b/x", "é", "0000")


def made(number: int) -> Run:
    dice = random.Random(number)
    scan_id = dice.choice([None, *NUMBERS])
    uid = f"{dice.choice(UIDS)}{number}"
    if number % 2:
        uid = f"{number % 7:08x}-0000-4000-8000-{number:012x}"
    time = dice.choice(TIMES)
    start: dict[str, Any] = {
        "uid": uid,
        "time": time,
        "scan_id": scan_id,
        "sample": {"t": dice.choice([1, 2.5, "warm", [3, "cold"], 10**30])},
        "word": dice.choice(["copper", "nickel"]),
    }
    if dice.random() < 0.5:
        start |= {"experiment": dice.randrange(3), "run": dice.choice(NUMBERS)}
    told = json.dumps(start).encode()
    return Run(uid=uid, owner="staff", start=told, time=time, scan_id=scan_id)


class Kept:
    def __init__(
        self, connection: apsw.Connection, runs: list[tuple[int, Searchable]]
    ) -> None:
        self.connection = connection
        self.runs = runs

    def matching(self, tree: Tree) -> set[int]:
        return {
            number
            for number, found in self.runs
            if evaluate(tree, found.leaves, found.words())
        }


async def _fill(folder: Path) -> None:
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    runs = [made(number) for number in range(RUNS)]

    def put(tx: Transaction, some: list[Run]) -> None:
        for run in some:
            tx.runs.put(run)

    await store.decide(lambda tx: tx.run_index.add(FIELD))
    await store.decide(lambda tx: put(tx, runs[: RUNS // 2]))
    while await store.decide(lambda tx: tx.run_index.feed(50)):
        pass
    await store.decide(lambda tx: put(tx, runs[RUNS // 2 :]))  # not indexed yet
    await store.aclose()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("few") / "data"
    asyncio.run(_fill(found))
    return found


@pytest.fixture(scope="module")
def kept(folder: Path) -> Iterator[Kept]:
    connection = connections.open_reader(folder / FILE_NAME)
    by_uid: dict[Any, int] = {}
    rows: list[Any] = connection.execute("SELECT uid, id FROM run").fetchall()
    by_uid.update(rows)
    made_runs = [made(number) for number in range(RUNS)]
    yield Kept(
        connection,
        [(by_uid[to_column(run.uid)], searchable(run)) for run in made_runs],
    )
    connection.close()


_fields = st.sampled_from(["scan_id", "run", "experiment", "time", FIELD])
# Literals are integers of 64 bits, or floats.
_numbers = st.sampled_from(
    [n if abs(n) < 2**63 else float(n) for n in NUMBERS]
    + [2.5, 1e300, -1e300, 1.7e9, 3_700.0]
)
_leaves: st.SearchStrategy[Tree] = st.one_of(
    st.builds(
        Compare, field=_fields, operator=st.sampled_from(Operator), value=_numbers
    ),
    st.builds(
        lambda field, ends: Between(field=field, low=min(ends), high=max(ends)),
        _fields,
        st.tuples(_numbers, _numbers),
    ),
    st.builds(OneOf, field=_fields, values=st.lists(_numbers, min_size=1).map(tuple)),
    st.builds(
        OneOf,
        field=st.just("uid"),
        values=st.lists(
            st.sampled_from([made(3).uid, made(4).uid, "none"]), max_size=3
        ).map(tuple),
    ),
    st.builds(
        Glob, field=st.sampled_from(["uid", FIELD]), pattern=st.sampled_from(
            ["0000000*", "a*", "b/x1*", "é??", "w*", "00000003-0*", "*"]
        ),
    ),
    st.just(Text(words=("copper",))),
)  # fmt: skip
_trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(And, parts=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, parts=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, part=inner),
    ),
    max_leaves=6,
)


def _over(field: str, number: float) -> Tree:
    return Compare(field=field, operator=Operator.GREATER, value=number)


@given(tree=_trees)
@example(tree=_over("scan_id", 5))
@example(tree=Or(parts=()))
@example(tree=Or(parts=(_over("scan_id", 2**62), Text(words=("nickel",)))))
@example(tree=Or(parts=(_over(FIELD, 2.0**80), _over("run", 1_000))))
def test_few_runs_hold_all_that_match(kept: Kept, tree: Tree) -> None:
    few = few_runs(kept.connection, tree)
    if few is None:
        return
    for condition in (few.condition, few.check):
        text = f"SELECT run.id FROM run WHERE {condition}"  # noqa: S608
        rows = kept.connection.execute(text, few.bindings)
        assert {row[0] for row in rows} >= kept.matching(tree)


@given(tree=_trees)
def test_bounds_and_stretches_hold_all_that_match(kept: Kept, tree: Tree) -> None:
    ids = ids_of(kept.connection, tree)
    matching = kept.matching(tree)
    assert all(ids[0] <= number <= ids[1] for number in matching)
    for within in (ids, EVERY_ID, (0, 2**60)):
        _hold(kept, tree, within, {n for n in matching if within[0] <= n <= within[1]})


def _hold(kept: Kept, tree: Tree, ids: tuple[int, int], matching: set[int]) -> None:
    found: list[int] = []
    places = []
    for one in spans(kept.connection, tree, ids):
        text = f"SELECT run.id FROM run WHERE {one.asked()}"  # noqa: S608
        rows = kept.connection.execute(text, one.bindings)
        found += [row[0] for row in rows]
        places.append(one)
    assert set(found) >= matching
    assert len(set(found)) == len(found)
    assert places == sorted(places)
    assert places == [*spans(kept.connection, tree, ids, descending=True)][::-1]


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (_over("scan_id", 5), "scan_id"),
        (
            Or(parts=(_over("scan_id", 5), Compare(field="run", operator=Operator.LESS, value=3))),
            "scan_id, number",
        ),
        (OneOf(field="uid", values=("a0", made(3).uid)), "uid"),
        (Or(parts=(Text(words=("copper",)), _over("time", 100.0))), "terms, time"),
        (_over(FIELD, 2), f"the index of {FIELD}"),
        (Glob(field=FIELD, pattern="w*m"), f"the index of {FIELD}"),
        (And(parts=(_over(FIELD, 2), _over("run", 2))), f"the index of {FIELD}"),
    ],
)  # fmt: skip
def test_what_is_known_to_be_few(kept: Kept, tree: Tree, told: str) -> None:
    few = few_runs(kept.connection, tree)
    assert few is not None
    assert few.told == told


def test_a_list_is_bound_as_one_however_long() -> None:
    """SQLite has names for 32,766 values, and looks for each among all others."""
    compiled = Conditions("v", indexed=False)
    compiled.compile(OneOf(field=FIELD, values=(*range(1000), "a", True)))
    assert len(compiled.bindings) == 2 * len((int, str, bool))


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ((Exists(field="a"), _over("b", 1)), 2),
        ((_over("a", 1), Not(part=Exists(field="b"))), 1),
        ((_over("a", 1), _over("a", 2)), 1),
        ((Exists(field="a"), Compare(field="b", operator=Operator.EQUAL, value=1)), 1),
        ((_over("run", 1), _over("time", 1)), 0),
    ],
)
def test_terms_of_fields_narrow_where_nothing_better_does(
    parts: tuple[Tree, ...], count: int
) -> None:
    match = match_of(And(parts=parts)) or ""
    assert match.count('"') == 2 * count


def test_of_an_or_all_sides_must_be_few(kept: Kept) -> None:
    known = _over("scan_id", 5)
    unknown = _over("start.nowhere", 5)
    assert few_runs(kept.connection, Or(parts=(known, unknown))) is None
    assert few_runs(kept.connection, And(parts=(known, unknown))) is not None
