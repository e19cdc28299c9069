import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.jobs.job import Job
from quire.jobs.limits import KindLimits, Limits
from quire.jobs.phases import Phase
from quire.jobs.share import Occupied, choose

LIMITS = KindLimits(
    {
        "urgent": Limits(priority=5),
        "single": Limits(concurrency=1),
        "late": Limits(priority=-1),
    }
)
OWNERS, KINDS = ["ann", "bob", "cleo"], ["urgent", "single", "late", "plain"]
FREE_KINDS = ["urgent", "late", "plain"]


def job(number: int, owner: str, kind: str = "plain") -> Job:
    return Job(
        id=f"j{number:04}",
        kind=kind,
        owner=owner,
        phase=Phase.QUEUED,
        created=float(number),
    )


def jobs(kinds: list[str] = KINDS) -> st.SearchStrategy[list[Job]]:
    pairs = st.tuples(st.sampled_from(OWNERS), st.sampled_from(kinds))
    return st.lists(pairs, max_size=30).map(
        lambda drawn: [job(n, *pair) for n, pair in enumerate(drawn)]
    )


occupied = st.lists(
    st.builds(Occupied, owner=st.sampled_from(OWNERS), kind=st.sampled_from(KINDS)),
    max_size=6,
)


@given(jobs(), occupied, st.integers(0, 8), st.integers(0, 4), st.randoms())
def test_the_order_in_which_they_are_given_does_not_matter(
    waiting: list[Job],
    held: list[Occupied],
    slots: int,
    each: int,
    dice: random.Random,
) -> None:
    chosen = choose(waiting, held, LIMITS, slots=slots, running_each=each)
    dice.shuffle(waiting)
    assert choose(waiting, held, LIMITS, slots=slots, running_each=each) == chosen


@given(jobs(), occupied, st.integers(0, 8), st.integers(0, 4))
def test_no_limit_is_passed_and_no_slot_is_left_for_nothing(
    waiting: list[Job], held: list[Occupied], slots: int, each: int
) -> None:
    chosen = choose(waiting, held, LIMITS, slots=slots, running_each=each)
    assert len({one.id for one in chosen}) == len(chosen) <= slots
    kinds = Counter([*(one.kind for one in held), *(one.kind for one in chosen)])
    owners = Counter([*(one.owner for one in held), *(one.owner for one in chosen)])
    added = {one.kind for one in chosen}
    assert "single" not in added or kinds["single"] == 1
    assert not each or all(owners[one.owner] <= each for one in chosen)
    left = [
        one
        for one in waiting
        if one not in chosen
        and not (each and owners[one.owner] >= each)
        and not (one.kind == "single" and kinds["single"])
    ]
    assert len(chosen) == slots or not left


@given(jobs(FREE_KINDS), st.integers(1, 8))
def test_of_one_owner_the_urgent_come_first_then_the_oldest(
    waiting: list[Job], slots: int
) -> None:
    chosen = choose(waiting, (), LIMITS, slots=slots)
    for owner in OWNERS:
        ranks = [
            (-LIMITS.of(one.kind).priority, one.created)
            for one in chosen
            if one.owner == owner
        ]
        skipped = [
            (-LIMITS.of(one.kind).priority, one.created)
            for one in waiting
            if one.owner == owner and one not in chosen
        ]
        assert ranks == sorted(ranks)
        assert not ranks or not skipped or max(ranks) < min(skipped)


@given(jobs(FREE_KINDS), st.integers(1, 3))
def test_no_owner_starves(waiting: list[Job], slots: int) -> None:
    """Whoever waits is served within as many turns as there are owners."""
    left, served, turn = list(waiting), dict[str, int](), 0
    patience = Counter[str]()
    while left:
        begun = choose(left, (), LIMITS, slots=slots, served=served)
        for one in begun:
            turn += 1
            served[one.owner] = turn
            left.remove(one)
        owners = {one.owner for one in begun}
        for owner in {one.owner for one in left} - owners:
            patience[owner] += 1
            assert patience[owner] * slots < len(OWNERS)
        for owner in owners:
            patience[owner] = 0


def test_a_newcomer_comes_before_the_next_of_thousands() -> None:
    many = [job(number, "ann") for number in range(1000)]
    newcomer = job(5000, "bob")
    held = [Occupied(owner="ann", kind="plain")]
    assert choose([*many, newcomer], held, LIMITS, slots=1) == (newcomer,)


@pytest.mark.parametrize(
    ("asked", "kind", "given"), [(0, 0, 0), (5, 0, 5), (0, 7, 7), (5, 7, 5), (9, 7, 7)]
)
def test_the_shorter_time_holds(asked: int, kind: int, given: int) -> None:
    assert Limits(wall_clock=kind).seconds(asked) == given
