import pytest

from quire.progress.event import info
from quire.progress.forecast import forecast_of
from quire.progress.log import Entry


def entries(*points: tuple[float, int | None]) -> list[Entry]:
    return [
        Entry(operation="o", number=number, at=at, event=info("...", progress))
        for number, (at, progress) in enumerate(points, 1)
    ]


def test_an_even_progress_tells_when_it_ends() -> None:
    found = forecast_of(
        entries((100, 10), (105, None), (110, 20), (120, 30), (130, 40))
    )
    assert found is not None
    assert found.rate == pytest.approx(1.0)
    assert found.ends == pytest.approx(190.0)


def test_an_uneven_progress_has_a_rate_and_no_end() -> None:
    found = forecast_of(entries((0, 1), (1, 60), (2, 61), (30, 62), (60, 63)))
    assert found is not None
    assert found.rate < 0.1
    assert found.ends is None


@pytest.mark.parametrize(
    "points",
    [
        (),
        ((0, 10),),
        ((0, 10), (5, 20)),
        ((0, None), (5, None), (9, None)),
        ((0.0, 10), (0.1, 20), (0.2, 30)),
        ((0, 10), (5, 20), (10, 20), (15, 20)),
    ],
)
def test_with_too_little_to_go_by_nothing_is_told(
    points: tuple[tuple[float, int | None], ...],
) -> None:
    assert forecast_of(entries(*points)) is None
