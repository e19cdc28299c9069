from hypothesis import given
from hypothesis import strategies as st

from quire.engines.lingering import Lingering
from quire.ports.launcher import Seen, There

KEY = ("job", 1)


def stand_of(answers: list[There]) -> tuple[Lingering, list[int]]:
    """Return what watches an attempt, and the looks after which it was to be ended."""
    lingering = Lingering()
    lingering.note(KEY)
    ended = [
        look
        for look, answer in enumerate(answers, 1)
        if lingering.stale({KEY: Seen(there=answer)}) == [KEY]
    ]
    return lingering, ended


def test_what_is_listed_for_ever_is_ended_again_and_again() -> None:
    lingering, ended = stand_of([There.RUNNING] * 7)
    assert ended == [3, 6]
    assert lingering.keys() == (KEY,)


def test_what_ends_by_itself_is_left_alone() -> None:
    lingering, ended = stand_of([There.RUNNING, There.RUNNING, There.GONE])
    assert ended == []
    assert lingering.keys() == ()


@given(st.lists(st.sampled_from(list(There)), max_size=12))
def test_nothing_is_ended_once_it_was_seen_gone(answers: list[There]) -> None:
    lingering, ended = stand_of(answers)
    over = [
        look
        for look, answer in enumerate(answers, 1)
        if answer in (There.GONE, There.UNKNOWN)
    ]
    if over:
        assert all(look < over[0] for look in ended)
        assert lingering.keys() == ()


def test_another_server_starts_anew() -> None:
    lingering, _ = stand_of([There.RUNNING])
    lingering.forget()
    assert lingering.keys() == ()
