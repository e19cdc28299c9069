"""The guarantees of `quire.ports.run_finder`."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.access.visibility import Keys, admits, audience
from quire.ports.run_finder import Count, RunOrder, RunPlace, Selection, ValueCount
from quire.ports.store import Transaction
from quire.runs.annotations import Annotations, Flag
from quire.runs.query.evaluate import evaluate, type_of
from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Literal,
    Missing,
    Not,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.run import Run, Stream
from quire.runs.searchable import Searchable, searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.contracts.fixtures import uuid
from quire.testing.contracts.largest_queries import LargestQueriesContract
from quire.testing.contracts.searches import (
    LONG,
    PATHS,
    WORDS,
    among_few,
    fixed_runs,
    fixed_trees,
    numbered,
    two_sided,
)

_ALL = 1_000  # more than there is to feed
_LONG = LONG[:2]  # the others alone would fill a report of what fails
_numbers = st.sampled_from([0, 1, 2, 3, 1.0, 2.5, -1, 2**53 + 1, 1e300])
_texts = st.sampled_from(
    [
        *(*WORDS, uuid(5), "x", "zebra", "", "scan", "count", "success", "a", "b"),
        *("open", *_LONG, "start.notes"),
    ]
)
_literals = st.one_of(_numbers, _texts, st.booleans())
_paths = st.sampled_from(PATHS)


def _globs() -> st.SearchStrategy[str]:
    piece = st.sampled_from(
        ["*", "?", "c", "co", "[", "Ä", "a", "e", "50%", uuid(5)[:7], "z", "long"]
    )
    return st.lists(piece, max_size=5).map("".join)


def _leaves() -> st.SearchStrategy[Tree]:
    ordered = st.one_of(_numbers.map(float), _texts)
    pairs = st.one_of(st.tuples(_numbers, _numbers), st.tuples(_texts, _texts))
    return st.one_of(
        st.builds(
            Compare, field=_paths, operator=st.sampled_from(Operator), value=ordered
        ),
        st.builds(
            Compare,
            field=_paths,
            operator=st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]),
            value=_literals,
        ),
        st.builds(
            OneOf,
            field=_paths,
            values=st.lists(_literals, min_size=1, max_size=3).map(tuple),
        ),
        st.builds(
            lambda field, ends: Between(field=field, low=min(ends), high=max(ends)),
            _paths,
            pairs,
        ),
        st.builds(Glob, field=_paths, pattern=_globs()),
        st.builds(Exists, field=_paths),
        st.builds(Missing, field=_paths),
        st.builds(
            Text,
            words=st.lists(
                st.sampled_from(
                    ["copper", "nickel", "fast", "50", "ä1", "long", "platypus"]
                ),
                min_size=1,
                max_size=2,
            ).map(tuple),
        ),
    )


def trees() -> st.SearchStrategy[Tree]:
    """Return trees over the fields of `runs`."""
    return st.recursive(
        _leaves(),
        lambda inner: st.one_of(
            st.builds(And, parts=st.lists(inner, max_size=3).map(tuple)),
            st.builds(Or, parts=st.lists(inner, max_size=3).map(tuple)),
            st.builds(Not, part=inner),
            st.builds(among_few, inner),
            st.builds(two_sided, _paths, _numbers, _numbers),
            st.builds(numbered, inner, st.integers(0, 3), st.integers(0, 4)),
        ),
        max_leaves=6,
    )


def _starts() -> st.SearchStrategy[dict[str, object]]:
    value = st.one_of(_numbers, _texts, st.booleans(), st.none())
    return st.fixed_dictionaries(
        {},
        optional={
            "plan_name": st.sampled_from(["scan", "count"]),
            "sample": st.fixed_dictionaries({}, optional={"name": value, "t": value}),
            "motors": st.lists(value, max_size=3),
            "notes": st.sampled_from([*_LONG, [*_LONG]]),
            "on": st.booleans(),
            'o"dd\\ key': value,
            "purpose": st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
            "experiment": st.sampled_from([0, 1, 2]),
            "run": st.sampled_from([1, 2, 3]),
            "data_groups": st.lists(st.sampled_from(["g", "h", "public"]), max_size=2),
            "group": value,
        },
    )


@st.composite
def runs(draw: st.DrawFn, uid: str) -> Run:
    """Return a run with this uid; without a start, or with one and perhaps a stop."""
    owner = draw(st.sampled_from("ab"))
    if draw(st.integers(0, 5)) == 0:
        return Run(uid=uid, owner=owner)
    time = draw(st.sampled_from([1.0, 1.0, 1.0001, 2.0, 5e9, -3.0]))
    scan_id = draw(st.sampled_from([None, 1, 2, 3, 2**70]))
    start = {**draw(_starts()), "uid": uid, "time": time, "scan_id": scan_id}
    plan = start.get("plan_name")
    run = Run(
        uid=uid,
        owner=owner,
        start=json.dumps(start).encode(),
        time=time,
        scan_id=scan_id,
        plan_name=plan if isinstance(plan, str) else None,
        streams={"primary": Stream(seq_nums=((1, draw(st.integers(1, 3))),))},
        annotations=draw(
            st.sampled_from(
                [
                    Annotations(),
                    Annotations(
                        version=1,
                        flags=(Flag(detector="DCH", value="success"),),
                        fields={"run": 2},
                    ),
                ]
            )
        ),
    )
    if draw(st.booleans()):
        return run
    reason = draw(st.sampled_from(WORDS))
    stop = {"uid": f"s{uid}", "run_start": uid, "time": time + 1, "reason": reason}
    return Run(
        **{
            **{name: getattr(run, name) for name in run.__struct_fields__},
            "stop": json.dumps(stop).encode(),
            "stop_uid": f"s{uid}",
            "stop_time": time + 1,
            "exit_status": "success",
            "reason": reason,
        }
    )


@st.composite
def catalogs(draw: st.DrawFn) -> list[list[Run]]:
    """Return runs in the batches in which they are put; some are put twice."""
    uids = [*(uuid(n) for n in (1, 5, 9)), "x", "zebra", uuid(16**30)]
    drawn = [draw(runs(uid)) for uid in uids]
    again = [draw(runs(uid)) for uid in draw(st.sets(st.sampled_from(uids)))]
    return [drawn[:3], drawn[3:], again]


class FindingContract(LargestQueriesContract):
    """A search says what `evaluate` says, whatever is indexed already."""

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        batches=catalogs(),
        wheres=st.lists(trees(), min_size=4, max_size=8),
        keys=st.sampled_from([None, frozenset({"user:a"}), frozenset({"group:g"})]),
        fed=st.sampled_from([0, 1, 2, _ALL]),
    )
    def test_every_search_says_what_evaluate_says(
        self,
        batches: list[list[Run]],
        wheres: list[Tree],
        keys: Keys,
        fed: int,
    ) -> None:
        """In pages, in every order, for everybody; counts and values too."""
        asyncio.run(self._compare(batches, wheres, keys, fed))

    def test_every_kind_of_condition_says_what_evaluate_says(self) -> None:
        """Alone, negated and joined: hypothesis draws too few to meet each."""
        every, own = list(fixed_trees()), frozenset({"user:a"})
        for some, keys, fed in (
            (every, None, 2),
            (every, None, _ALL),
            (every[::4], own, _ALL),
        ):
            asyncio.run(self._compare(fixed_runs(), some, keys, fed))

    def test_what_grows_is_found_whatever_was_indexed(self) -> None:
        """Once more rows have come, and where its index was added all the same."""

        async def grown() -> None:
            async with type(self).opened(LocalDoorbell()) as store:
                for rows in (1, 5):
                    stream = Stream(seq_nums=((1, rows),))
                    run = Run(uid="x", owner="a", streams={"primary": stream})
                    await store.decide(lambda tx, run=run: _put(tx, [run]))  # type: ignore[misc]
                    await store.decide(lambda tx: tx.run_index.add("events"))
                    while await store.decide(lambda tx: tx.run_index.feed(2)):
                        pass
                    await store.view(lambda tx, rows=rows: _check_rows(tx, rows))  # type: ignore[misc]

        asyncio.run(grown())

    def test_all_indexes_that_were_added_are_made(self) -> None:
        """Also where a block of runs ends with the last of them."""

        async def added() -> None:
            async with type(self).opened(LocalDoorbell()) as store:
                await store.decide(lambda tx: _put(tx, fixed_runs()[0][:4]))
                await store.decide(_index_fields)
                while await store.decide(lambda tx: tx.run_index.feed(2)):
                    pass
                made = await store.view(lambda tx: tx.run_index.listed())
                assert all(one.ready for one in made)

        asyncio.run(added())

    async def _compare(
        self, batches: list[list[Run]], wheres: list[Tree], keys: Keys, fed: int
    ) -> None:
        async with type(self).opened(LocalDoorbell()) as store:
            for place, batch in enumerate(batches):
                await store.decide(lambda tx, batch=batch: _put(tx, batch))  # type: ignore[misc]
                for _ in range(fed if place < fed else 0):
                    if not await store.decide(lambda tx: tx.run_index.feed(2)):
                        break
                if place == 0:
                    await store.decide(_index_fields)
            everything = {run.uid: run for batch in batches for run in batch}
            visible = [
                run
                for run in everything.values()
                if admits(audience(run.owner, run.start_document()), keys)
            ]
            for where in wheres:
                selection = Selection(where=where, visible=keys)
                await store.view(lambda tx, s=selection: _check(tx, s, visible))  # type: ignore[misc]
            await store.view(lambda tx: _check_facets(tx, keys, visible))


def _index_fields(tx: Transaction) -> None:
    for path in ("start.sample.t", "start.sample.name", "start.motors", "duration"):
        tx.run_index.add(path)


def _check_rows(tx: Transaction, rows: int) -> None:
    for operator in (Operator.EQUAL, Operator.GREATER_OR_EQUAL):
        where = Compare(field="events", operator=operator, value=rows)
        selection = Selection(where=where, visible=None)
        found = tx.finder.page(selection, RunOrder.NEWEST, None, 2)
        assert [run.uid for run in found] == ["x"]
        distinct = tx.finder.distinct(selection, "events", 9)
        assert [(one.value, one.runs) for one in distinct] == [(rows, 1)]


def _put(tx: Transaction, batch: Sequence[Run]) -> None:
    for run in batch:
        tx.runs.put(run)


def _check(tx: Transaction, selection: Selection, visible: list[Run]) -> None:
    assert selection.where is not None
    found = {run.uid: searchable(run) for run in visible}
    truths = {
        uid: evaluate(selection.where, each.leaves, each.words())
        for uid, each in found.items()
    }
    expected = {uid for uid, truth in truths.items() if truth}
    for order in RunOrder:
        seen = _paged(tx, selection, order)
        assert {run.uid for run in seen} == expected
        places = [_sort_key(run, order) for run in seen]
        backwards = order in (RunOrder.NEWEST, RunOrder.NUMBER_DESCENDING)
        assert places == sorted(places, reverse=backwards)
    said = Counter(truths.values())
    lacking = len(expected) % 2 == 0
    left_out = said[None] if lacking else 0
    count = Count(matched=said[True], lacking=left_out, exact=True)
    assert tx.finder.count(selection, 100, lacking=lacking) == count
    motors = _values([found[uid] for uid in expected], "start.motors")
    assert _counted(tx.finder.distinct(selection, "start.motors", 100)) == motors


def _check_facets(tx: Transaction, keys: Keys, visible: list[Run]) -> None:
    found = list(map(searchable, visible))
    fields = ("status", "start.data_groups", "start.group")
    facets = tx.finder.facets(fields, keys, 100)
    for field in fields:
        expected = _values(found, field)
        for text in LONG:  # nobody counts these
            del expected[str, text]
        assert _counted(facets[field]) == expected
        distinct = tx.finder.distinct(Selection(visible=keys), field, 100)
        assert _counted(distinct) == expected


def _counted(values: Sequence[ValueCount]) -> dict[tuple[type, Literal], int]:
    return {(type_of(one.value), one.value): one.runs for one in values}


def _values(found: list[Searchable], path: str) -> Counter[tuple[type, Literal]]:
    """Return how many runs have each value; true is no 1, and 7 is no text."""
    return Counter(
        (type_of(value), value) for each in found for value in each.leaves.get(path, ())
    )


def _paged(tx: Transaction, selection: Selection, order: RunOrder) -> list[Run]:
    seen: list[Run] = []
    behind: RunPlace | None = None
    while page := tx.finder.page(selection, order, behind, 2):
        seen += page
        behind = _place(page[len(page) - 1])
        assert len(seen) < 100
    return seen


def _place(run: Run) -> RunPlace:
    found = searchable(run)
    return RunPlace(
        uid=run.uid, time=run.time, experiment=found.experiment, run=found.run
    )


def _sort_key(run: Run, order: RunOrder) -> tuple[float, ...] | tuple[object, ...]:
    place = _place(run)
    if order in (RunOrder.NEWEST, RunOrder.OLDEST):
        return (place.time is not None, place.time or 0.0, place.uid)
    return (
        place.experiment is None,
        place.experiment or 0,
        place.run is None,
        place.run or 0,
        place.uid,
    )
