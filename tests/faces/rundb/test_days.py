"""Days of zones whose clocks are set forward and back, over midnight too."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.config import Settings
from quire.errors import ManyInputErrors
from quire.faces.rundb.days import Days

ZONES = (
    "UTC",
    "Asia/Tokyo",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Toronto",
    "America/Havana",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
DAY = timedelta(days=1)

zones = st.sampled_from(ZONES)
days = st.dates(date(1905, 1, 1), date(2060, 1, 1))
instants = st.floats(-2e9, 4e9, allow_nan=False)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        ("UTC", "2026-11-01", "2026-11-01T00:00+00:00"),
        ("Asia/Tokyo", "2026-11-01", "2026-10-31T15:00+00:00"),
        # 25 and 23 hours, as the clocks go at night.
        ("Europe/Berlin", "2026-10-25", "2026-10-25T00:00+02:00"),
        ("Europe/Berlin", "2026-10-26", "2026-10-26T00:00+01:00"),
        # Forward from 0:00 to 1:00: this day begins at one.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00-02:00"),
        # Forward from 23:30 to 0:30.
        ("America/Toronto", "1919-03-31", "1919-03-31T00:30-04:00"),
        # Back from 1:00 to 0:00: 0:00 comes twice, and the first counts.
        ("America/Havana", "2020-11-01", "2020-11-01T00:00-04:00"),
        # Back from 0:01 to 23:01 of the day before.
        ("America/St_Johns", "2009-11-01", "2009-11-01T00:00-02:30"),
        # A day that was left out, and the one behind it.
        ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00+14:00"),
        ("Pacific/Apia", "2011-12-31", "2011-12-31T00:00+14:00"),
    ],
)
def test_when_a_day_begins(zone: str, day: str, first: str) -> None:
    assert Days(zone).begin(date.fromisoformat(day)) == at(first)


@given(zones, days)
def test_a_day_begins_with_the_first_instant_that_shows_it(
    zone: str, day: date
) -> None:
    begin = Days(zone).begin(day)
    clock = UTC if zone == "UTC" else ZoneInfo(zone)
    assert datetime.fromtimestamp(begin, clock).date() >= day
    assert datetime.fromtimestamp(begin - 1, clock).date() < day


@given(zones, instants)
def test_an_instant_lies_within_the_day_that_it_counts_to(
    zone: str, seconds: float
) -> None:
    these = Days(zone)
    day = these.of(seconds)
    assert day is not None
    assert these.begin(day) <= seconds < these.begin(day + DAY)


def test_what_has_no_day() -> None:
    for zone in ZONES:
        for seconds in (None, float("nan"), float("inf"), -1e300, 1e12):
            assert Days(zone).of(seconds) is None


@pytest.mark.parametrize("zone", ZONES)
def test_the_first_days_of_all_can_be_asked_for(zone: str) -> None:
    assert Days(zone).begin(date.min) < Days(zone).begin(date(1, 1, 2))


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "\0"])
def test_a_zone_that_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(ManyInputErrors, match=r"rundb\.zone.*IANA"):
        Settings.load(environment={}, data_folder="x", rundb={"zone": zone})
