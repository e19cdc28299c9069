from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import InputError, ManyInputErrors
from quire.jobs.job import Assignment, Completed, Failed, JobResult, Standing
from quire.kinds.registry import built_in
from quire.kinds.wait import WaitKind


class Told:
    def __init__(self, folder: Path, *, stop: bool = False, **given: Any) -> None:
        self.folder = folder
        self.told: list[tuple[str, int | None]] = []
        self.stop = stop
        self.assignment = Assignment(
            job="j",
            attempt=1,
            kind="wait",
            parameters=WaitKind().plan(given).parameters,
            runs=(),
            owner="me",
            folder=str(folder),
            data_folder=str(folder),
        )

    def tell(
        self,
        message: str,
        progress: int | None = None,
        *,
        standing: Standing | None = None,
    ) -> None:
        assert standing is None
        self.told.append((message, progress))

    def cancelled(self) -> bool:
        return self.stop

    def deliver(self, result: JobResult) -> None:
        raise AssertionError(result)


@pytest.mark.parametrize(
    ("given", "seconds", "steps", "fail"),
    [
        ({}, 1.0, 10, False),
        ({"SECONDS": 2.5, "STEPS": 3, "FAIL": True}, 2.5, 3, True),
        ({"seconds": "2.5", "Steps": "3", "fail": "true"}, 2.5, 3, True),
        ({"seconds": 0, "steps": 4.0, "fail": "False"}, 0.0, 4, False),
        ({"seconds": " 1e2 "}, 100.0, 10, False),
    ],
)
def test_parameters_in_any_case_and_as_text(
    given: dict[str, Any], seconds: float, steps: int, *, fail: bool
) -> None:
    plan = WaitKind().plan(given)
    assert plan.parameters == {"SECONDS": seconds, "STEPS": steps, "FAIL": fail}
    assert WaitKind().plan(plan.parameters) == plan


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("SECONDS", "NaN", "no finite number"),
        ("SECONDS", float("inf"), "no finite number"),
        ("seconds", "-1", "out of range"),
        ("SECONDS", 1e300, "out of range"),
        ("SECONDS", 10**400, "too big"),
        ("SECONDS", "1" * 5000, "finite"),
        ("SECONDS", "soon", "no number"),
        ("SECONDS", None, "no number"),
        ("SECONDS", True, "no number"),
        ("SECONDS", [1], "no number"),
        ("STEPS", 0, "out of range"),
        ("STEPS", 2.5, "no integer"),
        ("STEPS", "10000000", "out of range"),
        ("FAIL", "perhaps", "no boolean"),
        ("FAIL", 1, "no boolean"),
        ("SECOND", 1, "did you mean SECONDS?"),
        ("stops", 1, "did you mean STEPS?"),
        ("zzz", 1, "there are SECONDS, STEPS, FAIL"),
    ],
)
def test_what_is_wrong_is_refused_by_name(field: str, value: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        WaitKind().plan({field: value})
    assert caught.value.field == field
    assert says in str(caught.value)
    assert len(str(caught.value)) < 200


def test_all_errors_at_once() -> None:
    with pytest.raises(ManyInputErrors) as caught:
        WaitKind().plan({"SECONDS": -1, "steps": "x", "seconds": 1})
    assert [error.field for error in caught.value.errors] == [
        "SECONDS",
        "steps",
        "seconds",
    ]


@given(
    st.dictionaries(
        st.sampled_from(["SECONDS", "steps", "Fail"]) | st.text(),
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text()
        | st.lists(st.integers()),
    )
)
def test_any_input_is_read_or_refused(given: dict[str, Any]) -> None:
    try:
        read = WaitKind().plan(given).parameters
    except InputError:
        return
    assert 0 <= read["SECONDS"] < 1e10
    assert read["STEPS"] >= 1


def test_it_waits_with_progress(tmp_path: Path) -> None:
    context = Told(tmp_path, seconds=0.02, steps=4)
    assert isinstance(WaitKind().work(context), Completed)
    assert [progress for _, progress in context.told] == [25, 50, 75, 100]


def test_many_steps_say_each_percent_once(tmp_path: Path) -> None:
    context = Told(tmp_path, seconds=0, steps=1000)
    WaitKind().work(context)
    assert [progress for _, progress in context.told] == list(range(1, 101))


def test_it_fails_for_good_if_asked_to(tmp_path: Path) -> None:
    outcome = WaitKind().work(Told(tmp_path, seconds=0, fail=True))
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "fatal"


def test_it_stops_when_it_should(tmp_path: Path) -> None:
    WaitKind().work(Told(tmp_path, stop=True, seconds=1e6))


def test_it_is_built_in() -> None:
    kinds = built_in()
    assert {name: kind.name for name, kind in kinds.items()} == {
        name: name for name in kinds
    }
    assert "wait" in kinds
