"""Searches in PostgreSQL for odd numbers, names and patterns."""

import operator
import random
from typing import Any

import pytest
from tests.storage.test_postgres_finding import (
    NUMBERS,
    _newest,
    a_run,
    compare,
    deciding,
)

from quire.ports.run_finder import RunOrder, RunPlace, Selection
from quire.ports.run_records import RunQuery
from quire.runs.query.tree import (
    And,
    Glob,
    Operator,
)


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


def test_great_floats_are_told_as_floats(postgres_url: str) -> None:
    numbers = [1e308, -1e19, 2.0**63, 2**63 - 1, -(2**63)]
    with deciding(postgres_url) as tx:
        for number in numbers:
            tx.runs.put(a_run(f"uid of {number}", x=number))
        found = tx.finder.distinct(Selection(), "start.x", 9)
    assert sorted(repr(one.value) for one in found) == sorted(map(repr, numbers))


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
