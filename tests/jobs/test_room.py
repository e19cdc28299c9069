"""Kinds that run in different places."""

from hypothesis import given
from hypothesis import strategies as st

from quire.jobs.job import Job
from quire.jobs.limits import KindLimits
from quire.jobs.phases import Phase
from quire.jobs.share import Places, choose

KINDS = ["here", "also_here", "there"]


def job(number: int, kind: str) -> Job:
    return Job(
        id=f"j{number:04}",
        kind=kind,
        owner="me",
        phase=Phase.QUEUED,
        created=float(number),
    )


@given(
    st.lists(st.sampled_from(KINDS), max_size=20), st.integers(0, 5), st.integers(0, 5)
)
def test_each_place_is_filled_and_none_beyond(
    kinds: list[str], here: int, there: int
) -> None:
    def room(kind: str) -> Places:
        if kind == "there":
            return Places(name="cluster", free=there)
        return Places(name="", free=here)

    jobs = [job(number, kind) for number, kind in enumerate(kinds)]
    chosen = choose(jobs, (), KindLimits(), slots=here + there, room=room)
    at = [one.kind == "there" for one in chosen]
    wanted_there = kinds.count("there")
    assert at.count(True) == min(there, wanted_there)
    assert at.count(False) == min(here, len(kinds) - wanted_there)
    for kind in KINDS:
        of_kind = [one.id for one in chosen if one.kind == kind]
        assert of_kind == sorted(of_kind)
