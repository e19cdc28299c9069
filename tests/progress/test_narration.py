from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quire.documents.document import Document
from quire.progress.event import ProgressEvent, ProgressType
from quire.progress.narration import narrate
from quire.runs.fold import fold_all
from quire.runs.run import Run
from quire.testing.documents import document, make_run


def told(documents: list[Document], cuts: list[int]) -> list[ProgressEvent]:
    run = Run(uid="x")
    said: list[ProgressEvent] = []
    for begin, end in zip([0, *cuts], [*cuts, len(documents)], strict=True):
        after = fold_all(run, [(one, ()) for one in documents[begin:end]])
        said += narrate(run, after)
        run = after
    return said


@given(st.data())
def test_a_log_ends_once_and_is_short(data: st.DataObject) -> None:
    status = data.draw(st.sampled_from(["success", "abort", "fail"]))
    documents = data.draw(st.permutations(make_run(1, 30, exit_status=status)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(documents)))))
    said = told(documents, cuts)
    assert sum(event.type.final for event in said) == 1
    ending = next(event for event in said if event.type.final)
    assert (ending.type is ProgressType.COMPLETE) == (status == "success")
    assert len(said) <= 32
    assert all(event.progress is None or event.progress < 100 for event in said)


def test_events_count_against_what_was_announced() -> None:
    documents = make_run(1, 200, exit_status=None)
    said = told(documents, list(range(1, len(documents))))
    assert said[0].message == "Run 1 (count) started"
    assert said[0].progress == 1
    assert said[-1].message == "200 of 200 events"
    assert said[-1].progress == 99
    assert len(said) <= 101


def test_without_an_announcement_only_steps_are_told() -> None:
    start, *rest = make_run(1, 2000, exit_status=None)
    body = {key: one for key, one in start.body.items() if key != "num_points"}
    documents = [document("start", body), *rest]
    said = told(documents, list(range(1, len(documents))))
    assert {event.progress for event in said[1:]} == {None}
    assert 4 <= len(said) <= 40


def test_nothing_new_says_nothing() -> None:
    run = fold_all(Run(uid="x"), [(one, ()) for one in make_run()])
    assert narrate(run, run) == ()
    assert narrate(run, replace(run, documents=run.documents + 1)) == ()


def test_an_interrupted_run_goes_on() -> None:
    run = Run(uid="x", interrupted=True)
    (said,) = narrate(run, replace(run, interrupted=False))
    assert said.type is ProgressType.INFO
