"""Evaluation, units and nearness."""

import re
from fractions import Fraction
from itertools import product

import pytest
from astropy import units
from hypothesis import given
from hypothesis import strategies as st

from quire.runs.query.evaluate import Truth, evaluate, pattern_of
from quire.runs.query.nearness import OneSlipAway, nearest
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.tree import And, Literal, Not, Or
from quire.runs.query.units import converted, unit

PARSER = QueryParser(FieldRegistry())
RUN: dict[str, tuple[Literal, ...]] = {
    "plan_name": ("scan",),
    "scan_id": (5,),
    "start.motors": ("x", "y", 3),
    "start.on": (True,),
    "start.t": (2.0, "2"),
    "start.sample.name": ("Cu [1] foil",),
    "flag.CDC": ("good",),
}
WORDS = frozenset({"copper", "foil"})


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("plan_name = scan", True),
        ("plan_name != scan", False),
        ("plan_name = count", False),
        ("plan_name < t", True),
        ("plan_name in [count, scan]", True),
        ("plan_name in a..s", False),
        ("scan_id = 5.0", True),
        ("scan_id in 5..6", True),
        ("scan_id in 6..7", False),
        # No value, or none of the type: unknown, and unknown stays unknown.
        ("run = 1", None),
        ("not run = 1", None),
        ("run != 1", None),
        ("run in [1]", None),
        ("purpose ~ '*'", None),
        ("on = 1", None),
        ("on = true", True),
        ("motors = true", None),
        ("run = 1 and scan_id = 6", False),
        ("scan_id = 6 and run = 1", False),
        ("run = 1 or scan_id = 5", True),
        ("scan_id = 5 or run = 1", True),
        ("run = 1 or scan_id = 6", None),
        # Any of several values of the type.
        ("motors = y", True),
        ("motors != y", False),
        ("motors != z", True),
        ("motors > 2", True),
        ("motors in [z, 3]", True),
        ("motors ~ 'y*'", True),
        ("motors ~ 'z*'", False),
        ("t = 2", True),
        ("t = '2'", True),
        ("t > '3'", False),
        # Patterns are of the whole string, with brackets and case as they are.
        ("sample.name ~ 'Cu [1]*'", True),
        ("sample.name ~ 'Cu [1]'", False),
        ("sample.name ~ 'cu*'", False),
        ("sample.name ~ '?u*f??l'", True),
        # Of what is added to a run nothing is unknown.
        ("flag.DCH = bad", False),
        ("not flag.DCH = bad", True),
        ("flag.DCH != bad", True),
        ("flag.DCH in [bad]", False),
        ("flag.DCH in a..b", False),
        ("not flag.DCH ~ 'b*'", True),
        ("flag.CDC = good", True),
        ("flag.CDC != good", False),
        ("flag.CDC != bad", True),
        # Never unknown.
        ("exists(motors)", True),
        ("missing(motors)", False),
        ("exists(nowhere)", False),
        ("missing(nowhere)", True),
        ("text('foil COPPER')", True),
        ("text('foil zinc')", False),
        ("text('foil')", True),
        ("not text('zinc')", True),
    ],
)
def test_what_a_query_says_of_a_run(text: str, truth: Truth) -> None:
    assert evaluate(PARSER.parse(text), RUN, WORDS) is truth


def test_and_or_and_not_are_those_of_sql() -> None:
    texts = {True: "scan_id = 5", False: "scan_id = 6", None: "run = 1"}
    trees_of = {truth: PARSER.parse(text) for truth, text in texts.items()}
    order = [False, None, True]
    for one, other in product(order, order):
        parts = (trees_of[one], trees_of[other])
        least = min(one, other, key=order.index)
        most = max(one, other, key=order.index)
        assert evaluate(And(parts=parts), RUN, WORDS) is least
        assert evaluate(Or(parts=parts), RUN, WORDS) is most
    assert evaluate(Not(part=trees_of[None]), RUN, WORDS) is None
    assert evaluate(And(parts=()), RUN, WORDS) is True
    assert evaluate(Or(parts=()), RUN, WORDS) is False


@given(
    st.text(st.sampled_from("ab*?["), max_size=6),
    st.text(st.sampled_from("ab[\n"), max_size=6),
)
def test_a_glob_matches_as_it_says(glob: str, text: str) -> None:
    def fits(i: int, j: int) -> bool:
        if i == len(glob):
            return j == len(text)
        if glob[i] == "*":
            return fits(i + 1, j) or (j < len(text) and fits(i, j + 1))
        return j < len(text) and glob[i] in ("?", text[j]) and fits(i + 1, j + 1)

    pattern: re.Pattern[str] = pattern_of(glob)
    assert (pattern.fullmatch(text) is not None) == fits(0, 0)


def test_no_glob_takes_long() -> None:
    assert pattern_of("*a?" * 30 + "*b").fullmatch("a" * 1_000) is None
    assert pattern_of("*a?" * 30 + "*b").fullmatch("a" * 1_000 + "b")


@pytest.mark.parametrize(
    ("number", "source", "target", "value"),
    [
        ("8", "keV", "eV", "8000"),
        ("1", "pb-1", "nb-1", "1000"),
        ("1", "1/fb", "nb^-1", "1000000"),
        ("2", "MHz", "s-1", "2000000"),
        ("10", "Å", "nm", "1"),
        ("300", "K", "degC", "26.85"),
        ("-40", "°C", "K", "233.15"),
        ("50", "%", "%", "50"),
        ("1.5", "T", "G", "15000"),
        ("3", "µm", "um", "3"),
        ("1", "KiB", "B", "1024"),
        ("1", "d", "h", "24"),
        ("2", "weeks", "days", "14"),
        ("1", "week", "w", "1"),
        ("2", "hours", "minutes", "120"),
        ("1", "hour", "seconds", "3600"),
        ("1", "sec", "s", "1"),
        ("7", "mystery", "mystery", "7"),
        ("1", "s", "m", None),
        ("1", "pb", "pb-1", None),
        ("1", "mystery", "s", None),
        ("1", "1/degC", "1/K", None),
    ],
)
def test_units_convert_exactly(
    number: str, source: str, target: str, value: str | None
) -> None:
    expected = None if value is None else Fraction(value)
    assert converted(number, source, target) == expected


@pytest.mark.parametrize(
    ("symbols", "base"),
    [
        ("fs ps ns us µs μs ms cs ds ks min h d day week", "s"),
        ("MHz GHz THz PHz Hz", "1/s"),
        ("nm mm cm dm km Angstrom angstrom Å", "m"),
        ("mg kg", "g"),
        ("mA", "A"),
        ("kV", "V"),
        ("MW", "W"),
        ("nC", "C"),
        ("mK", "K"),
        ("G kG", "T"),
        ("eV keV GeV", "J"),
        ("mbarn barn mb pb fb", "m2"),
        ("bar mbar Torr atm", "Pa"),
        ("deg mrad °", "rad"),
        ("kN", "N"),
        ("kOhm ohm", "Ohm"),
        ("mL l", "L"),
        ("mmol", "mol"),
        ("MBq", "Bq"),
        ("kB KiB MiB GiB TiB", "B"),
        ("%", ""),
    ],
)
def test_units_are_what_astronomers_take_them_for(symbols: str, base: str) -> None:
    theirs = {
        "atm": "101325 Pa",
        "week": "wk",
        "mb": "mbarn",
        "pb": "pbarn",
        "fb": "fbarn",
    }
    for symbol in symbols.split():
        found = unit(symbol)
        assert found is not None
        wanted = units.Unit(theirs.get(symbol, symbol)).to(units.Unit(base))
        assert float(found.factor) == pytest.approx(wanted, rel=1e-12)


def test_prefixes_need_a_unit_that_takes_them() -> None:
    for symbol in ("kmin", "k", "", "mm-2", "1/", "-1", "kk"):
        assert unit(symbol) is None


def test_one_slip_is_seen_through() -> None:
    slips = OneSlipAway(["plan_name", "run", "scan_id"])
    for name in ("plan_nam", "plan_namee", "plan_mame", "lpan_name", "scanid"):
        assert slips.of(name) in ("plan_name", "scan_id")
    for name in ("plan", "plan_names_", "planname_", "x", "", "a" * 1000):
        assert slips.of(name) is None
    assert nearest("SUCESS", ["success", "abort"]) == "success"
    assert nearest("zzz", ["success", "abort"]) is None
