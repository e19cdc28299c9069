import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from quire.errors import NotFound
from quire.labs import transitions
from quire.labs.errors import LabBusy, LabExists
from quire.labs.lab import Act, Lab, LabStatus
from quire.testing.contracts.labs import lab

NEW = lab("u", "new")
_STANDING = st.sampled_from(LabStatus)
_ACTS = st.none() | st.sampled_from(Act)


def former(status: LabStatus, act: Act | None = None) -> Lab:
    return replace(lab("u", "old"), status=status, act=act)


@settings(deadline=None)
@given(_STANDING, _ACTS)
def test_one_thing_is_done_with_a_lab_at_a_time(
    status: LabStatus, act: Act | None
) -> None:
    one = former(status, act)
    if act is not None:
        with pytest.raises(LabBusy):
            transitions.begin_spawn(one, NEW, now=5.0)
    elif status.alive:
        with pytest.raises(LabExists):
            transitions.begin_spawn(one, NEW, now=5.0)
    else:
        begun = transitions.begin_spawn(one, NEW, now=5.0)
        # Its log goes on.
        assert (begun.id, begun.act, begun.created) == ("old", Act.SPAWN, 5.0)
        assert begun.status is LabStatus.PENDING
        assert transitions.must_clear(one) is (status is not LabStatus.GONE)


def test_a_users_first_lab_is_a_new_one() -> None:
    assert transitions.begin_spawn(None, NEW, now=1.0).id == "new"
    assert not transitions.must_clear(None)


@settings(deadline=None)
@given(_STANDING, _ACTS)
def test_what_is_gone_is_not_deleted(status: LabStatus, act: Act | None) -> None:
    one = former(status, act)
    if status is LabStatus.GONE:
        with pytest.raises(NotFound):
            transitions.begin_delete(one, "u", now=5.0)
    elif act is not None:
        with pytest.raises(LabBusy):
            transitions.begin_delete(one, "u", now=5.0)
    else:
        begun = transitions.begin_delete(one, "u", now=5.0)
        assert (begun.status, begun.url) == (LabStatus.TERMINATING, "")


def test_nobodys_lab_is_not_deleted() -> None:
    with pytest.raises(NotFound):
        transitions.begin_delete(None, "u", now=5.0)


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (transitions.gone, LabStatus.GONE),
        (transitions.failed, LabStatus.FAILED),
        (transitions.terminated, LabStatus.TERMINATED),
    ],
)
def test_what_has_ended_serves_nowhere(step: object, status: LabStatus) -> None:
    assert callable(step)
    ended = step(former(LabStatus.RUNNING, Act.DELETE), now=9.0)
    assert (ended.status, ended.act, ended.url) == (status, None, "")
