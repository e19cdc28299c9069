from quire.progress.event import ProgressEvent, complete, info
from quire.progress.log import Entry
from quire.progress.steps import steps_of


def log(*told: tuple[float, ProgressEvent]) -> list[Entry]:
    return [
        Entry(operation="o", number=number, at=at, event=event)
        for number, (at, event) in enumerate(told, 1)
    ]


def test_what_differs_in_numbers_alone_is_one_step() -> None:
    entries = log(
        (10.0, info("Reading headers", 1)),
        (11.0, info("1.5 of 10 MB", 10)),
        (12.0, info("9 of 10 MB", 80)),
        (15.5, info("Verifying", 85)),
        (16.0, complete("Done")),
    )
    assert [(one.first, one.message, one.seconds) for one in steps_of(entries)] == [
        (1, "Reading headers", 1.0),
        (2, "9 of 10 MB", 4.5),
        (4, "Verifying", 0.5),
        (5, "Done", None),
    ]


def test_a_clock_that_was_set_back_makes_nothing_negative() -> None:
    steps = steps_of(log((10.0, info("a")), (5.0, info("b"))))
    assert [one.seconds for one in steps] == [0.0, None]


def test_no_entries_are_no_steps() -> None:
    assert steps_of([]) == ()
