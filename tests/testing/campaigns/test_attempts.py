from pathlib import Path

import pytest

from quire.testing.campaigns.attempts import campaign, run_case
from quire.testing.campaigns.trap import SERVER, WORKER

pytestmark = pytest.mark.crash
POINTS = (
    "server after claim",
    "server before stage",
    "server before complete",
    "worker amid work",
)


def test_no_job_is_lost_and_none_done_twice(tmp_path: Path) -> None:
    cases = campaign(tmp_path, times=1, side_by_side=3, points=POINTS)
    assert len(cases) == 12
    assert [case for case in cases if case.problems] == []
    assert all(case.kills == 1 for case in cases)


@pytest.mark.parametrize(
    ("control", "problem"), [("lose", "EXECUTING"), ("double", "3 products")]
)
def test_what_is_wrong_on_purpose_is_noticed(
    tmp_path: Path, control: str, problem: str
) -> None:
    victim = SERVER if control == "lose" else WORKER
    case = run_case(
        tmp_path / "case", victim, "worker amid work", times=1, control=control
    )
    assert problem in "; ".join(case.problems)


def test_a_point_that_is_never_reached_is_noticed(tmp_path: Path) -> None:
    case = run_case(tmp_path / "case", WORKER, "server before nothing", times=1)
    assert case.problems == ("the point was reached in 0 of 1 jobs",)
