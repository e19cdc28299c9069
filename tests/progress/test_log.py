from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, read

from quire.documents.names import DocumentName
from quire.progress.event import ProgressEvent, ProgressType, complete, failed, info
from quire.progress.log import Head, append, next_act, resume_after
from quire.progress.narration import narrate
from quire.runs.fold import fold
from quire.runs.run import Run

EVENTS = st.builds(
    ProgressEvent,
    type=st.sampled_from(ProgressType),
    message=st.text(),
    progress=st.none() | st.integers(1, 100),
)


@given(st.lists(st.lists(EVENTS)))
def test_numbers_grow_and_progress_never_falls(acts: list[list[ProgressEvent]]) -> None:
    head = Head(operation="o")
    numbers = []
    for act in acts:
        highest = 0
        for event in act:
            ended = head.final
            head, entry = append(head, event, at=0.0)
            assert (entry is None) == ended
            if entry is not None:
                numbers.append(entry.number)
                assert (entry.event.progress or highest) >= highest
                highest = max(highest, entry.event.progress or 0)
        head = next_act(head)
    assert numbers == list(range(1, len(numbers) + 1))


def test_where_a_listener_goes_on() -> None:
    head = Head(operation="o", first=4, last=9)
    assert resume_after(head, None) == 3
    assert resume_after(head, 2) == 3
    assert resume_after(head, 6) == 6
    assert resume_after(head, 9) == 9
    assert resume_after(head, 99) == 3
    done = Head(operation="o", first=4, last=9, final=True)
    assert resume_after(done, 9) is None
    assert resume_after(done, 8) == 8


def test_progress_is_clamped() -> None:
    assert info("x", 0).progress == 1
    assert info("x", 120).progress == 100


def test_a_run_is_told_from_start_to_end() -> None:
    run = Run(uid="x")
    told: list[ProgressEvent] = []
    for document in read(FOLDER / "scan.jsonl"):
        after = fold(run, document)
        told += narrate(run, after)
        run = after
    assert told[0].type is ProgressType.INFO
    assert told[-1] == complete(f"Finished: {run.events} events")
    assert sum(event.type.final for event in told) == 1
    shown = [event.progress for event in told if event.progress]
    assert shown == sorted(shown)


def test_an_aborted_run_ends_in_failed() -> None:
    run = Run(uid="x")
    told: list[ProgressEvent] = []
    for document in read(FOLDER / "aborted_run.jsonl"):
        after = fold(run, document)
        told += narrate(run, after)
        run = after
    assert told[-1].type is failed("").type
    assert any(
        one.name is DocumentName.STOP for one in read(FOLDER / "aborted_run.jsonl")
    )
