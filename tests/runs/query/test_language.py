"""What queries mean: text on the left, the same said by a tree on the right."""

import pytest

from quire.errors import InputError
from quire.runs.query.errors import (
    QueryError,
    QuerySyntaxError,
    QueryTooLarge,
    UnknownField,
    UnknownValue,
    WrongType,
)
from quire.runs.query.fields import FieldDeclaration, FieldType
from quire.runs.query.limits import DEEPEST
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.text_form import to_text
from quire.runs.query.tree import Exists, Not, Tree

NOW = 1_800_000_000.0
DECLARED = (
    FieldDeclaration(name="energy", type=FieldType.NUMBER, unit="eV"),
    FieldDeclaration(name="target", type=FieldType.STRING, choices=("Cu", "Nickel")),
    FieldDeclaration(
        name="letter", type=FieldType.STRING, choices=tuple("abcdefghijklm")
    ),
    FieldDeclaration(name="hot", type=FieldType.BOOLEAN),
    FieldDeclaration(name="lumi", type=FieldType.NUMBER, unit="nb-1"),
    FieldDeclaration(name="t.*", type=FieldType.NUMBER, unit="degC"),
)
PARSER = QueryParser(FieldRegistry().declare(DECLARED))

ISSUE = (
    'plan_name = scan and sample.name ~ "Cu*" and start.time > 2026-11-01'
    " and not flag.DCH = bad"
)
ISSUE_MEANS = (
    'plan_name = "scan" and start.sample.name ~ "Cu*" and time > 1793491200.0'
    ' and not flag.DCH = "bad"'
)
EXAMPLES = [
    (ISSUE, ISSUE_MEANS),
    # Fields
    ("start.uid = a", 'uid = "a"'),
    ("start.group = a", 'start.group = "a"'),
    ("anything.at.all = a", 'start.anything.at.all = "a"'),
    ("start.anything = a", 'start.anything = "a"'),
    ("stop.quality = a", 'stop.quality = "a"'),
    ("her.fill_pattern = a", 'her.fill_pattern = "a"'),
    ("`a b`.c = 1", "start.`a b`.c = 1"),
    ("start.`it``s`.`2` = 1", "start.`it``s`.`2` = 1"),
    ("start.and = 1", "start.`and` = 1"),
    ("größe = 1", "start.größe = 1"),
    # Signs
    ("a == 1", "start.a = 1"),
    ("a!=1", "start.a != 1"),
    ("a<1", "start.a < 1"),
    ("a<=1", "start.a <= 1"),
    ("a>1", "start.a > 1"),
    ("a>=1", "start.a >= 1"),
    ("a ~ Cu*?", 'start.a ~ "Cu*?"'),
    ("a ~ 'x y*'", 'start.a ~ "x y*"'),
    # Values
    ("a = b-c.d:e/f", 'start.a = "b-c.d:e/f"'),
    ("owner = ann@x.org", 'owner = "ann@x.org"'),
    ("owner ~ *@x.org", 'owner ~ "*@x.org"'),
    ("a = 'it''s'", 'start.a = "it\'s"'),
    ('a = "say ""x"""', 'start.a = "say ""x"""'),
    ("a = ''", 'start.a = ""'),
    ('a = "and"', 'start.a = "and"'),
    ("a = -1.5e3", "start.a = -1500.0"),
    ("a = .5", "start.a = 0.5"),
    ("a = 1.", "start.a = 1.0"),
    ("a = +7", "start.a = 7"),
    ("a = TRUE", "start.a = true"),
    ("a = 'true'", 'start.a = "true"'),
    ("a = '7'", 'start.a = "7"'),
    ("hot = false", "start.hot = false"),
    ("plan_name = '5'", 'plan_name = "5"'),
    ("a = null", "missing(start.a)"),
    ("a != null", "exists(start.a)"),
    ("a = 2026-11-01", 'start.a = "2026-11-01"'),
    ("scan_id = 5.0", "scan_id = 5"),
    ("scan_id > 5.5", "scan_id > 5.5"),
    # Ranges and lists
    ("scan_id in 3000..3500", "scan_id in 3000..3500"),
    ("scan_id in -5 .. 5", "scan_id in -5..5"),
    ("a in 1.5..2.5", "start.a in 1.5..2.5"),
    ("a in a..b", 'start.a in "a".."b"'),
    ("plan_name in [scan, 'two words']", 'plan_name in ["scan", "two words"]'),
    ("plan_name in (scan)", 'plan_name in ["scan"]'),
    ("plan_name not in [scan]", 'not plan_name in ["scan"]'),
    ("a in [1, x, true]", 'start.a in [1, "x", true]'),
    # Units
    ("energy > 8 keV", "start.energy > 8000.0"),
    ("energy > 8keV", "start.energy > 8000.0"),
    ("energy in 8..9 keV", "start.energy in 8000.0..9000.0"),
    ("energy in 8 keV..1 MeV", "start.energy in 8000.0..1000000.0"),
    ("energy in [1 eV, 1 meV]", "start.energy in [1.0, 0.001]"),
    ("duration > 1.5 h", "duration > 5400.0"),
    ("duration > 90", "duration > 90"),
    ("lumi > 1 pb-1", "start.lumi > 1000.0"),
    ("lumi > 1 fb^-1", "start.lumi > 1000000.0"),
    ("statistics.lumi_recorded > 2 pb⁻¹", "statistics.lumi_recorded > 2000.0"),
    (
        "detectors.magnet_solenoid_field > 1.5 T",
        "detectors.magnet_solenoid_field > 15000.0",
    ),
    ("t.stage = 300 K", "start.t.stage = 26.85"),
    # Times
    ("time > 2026-11-01T12:00:00Z", "time > 1793534400.0"),
    ("time > 2026-11-01T12:00:00+02:00", "time > 1793527200.0"),
    ("time > 2026-11-01T12:00", "time > 1793534400.0"),
    ("time > 2026-11-01t12:00:00z", "time > 1793534400.0"),
    ("time = 2026", "time >= 1767225600.0 and time < 1798761600.0"),
    ("time > '2026'", "time > 1767225600.0"),
    ("time in 2025..2026", "time >= 1735689600.0 and time < 1798761600.0"),
    ("time > 2026.0", "time > 2026.0"),
    ("time > 2026 s", "time > 2026.0"),
    ("time > 1800", "time > 1800.0"),
    ("a > 2026", "start.a > 2026"),
    ("a > '5keV'", 'start.a > "5keV"'),
    ("time > '2026-11-01 12:00:00.5'", "time > 1793534400.5"),
    ("time = 2026-11-01", "time >= 1793491200.0 and time < 1793577600.0"),
    ("time != 2026-11-01", "not (time >= 1793491200.0 and time < 1793577600.0)"),
    ("time = 2026-12", "time >= 1796083200.0 and time < 1798761600.0"),
    (
        "time in 2026-11-01..2026-11-02",
        "time >= 1793491200.0 and time < 1793664000.0",
    ),
    ("time in 1..2", "time in 1.0..2.0"),
    ("time in '2026-11-01'..1793577600 s", "time in 1793491200.0..1793577600.0"),
    ("time in [5, 2026-11-01]", "time = 5.0 or (time >= 1793491200.0 and time < 1793577600.0)"),
    ("time > now", f"time > {NOW}"),
    ("time > now - 7 d", f"time > {NOW - 7 * 86400}"),
    ("time < NOW+1.5h", f"time < {NOW + 5400}"),
    ("time > now - 30 min and a = 1", f"time > {NOW - 1800} and start.a = 1"),
    ("time > 1793491200", "time > 1793491200.0"),
    # Text
    ('text("Two words")', '"two words"'),
    ("'Two words'", '"two words"'),
    ("text ~ 'Two words'", '"two words"'),
    ("text ~ Copper", '"copper"'),
    ("start.text = a", 'start.`text` = "a"'),
    # Presence
    ("exists(a.b)", "exists(start.a.b)"),
    ("MISSING( a )", "missing(start.a)"),
    ("exists = 1", "start.`exists` = 1"),
    # Joining: not binds closest, then and, then or
    ("a=1 OR b=2 And NOT c=3", "start.a = 1 or (start.b = 2 and not start.c = 3)"),
    ("(a=1 or b=2) and c=3", "(start.a = 1 or start.b = 2) and start.c = 3"),
    ("not (a=1 and b=2)", "not (start.a = 1 and start.b = 2)"),
    ("not not a=1", "not not start.a = 1"),
    ("((a=1))", "start.a = 1"),
    ("a=order and b=notes", 'start.a = "order" and start.b = "notes"'),
    ("@good and @also", '(flag.DCH = "good" or run = 1) and run = 2'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meaning"), EXAMPLES)
def test_a_query_means_what_it_says(text: str, meaning: str) -> None:
    parser = PARSER.resolving({"good": "flag.DCH = good or run = 1", "also": "run=2"})
    assert to_text(parser.parse(text, now=NOW)) == meaning


ERRORS = [
    ("plan_nam = scan", UnknownField, 1, "'plan_name'"),
    ("a = 1 and scanid = 5", UnknownField, 11, "'scan_id'"),
    ("exists(staus)", UnknownField, 8, "'status'"),
    ("run_typ = physics", UnknownField, 1, "'run_type'"),
    ("status = opne", UnknownValue, 10, "'open'"),
    ("status in [open, sucess]", UnknownValue, 18, "'success'"),
    ("target = Nikel", UnknownValue, 10, "'Nickel'"),
    ("letter = zz", UnknownValue, 10, "k, l, ..."),
    ("target = Cu and target = Fe", UnknownValue, 26, "Cu, Nickel"),
    ("run_type > 5", WrongType, 12, 'put it in quotes: "5"'),
    ("scan_id = '5'", WrongType, 11, "take the quotes away"),
    ("scan_id = '5 m'", WrongType, 11, "write a whole number"),
    ("a > null", WrongType, 5, "write missing(a)"),
    ("a in [1, null]", WrongType, 10, "write missing(a)"),
    ("scan_id ~ 5*", WrongType, 11, "scan_id in a..b"),
    (f"a ~ '{'b*' * 251}'", QueryTooLarge, 5, "at most 500 characters, this has 502"),
    ("scan_id in 5..", QuerySyntaxError, 15, "write field >= 3000"),
    ("scan_id in 5.. and a = 1", QuerySyntaxError, 16, "write field >= 3000"),
    ("scan_id in ..5", QuerySyntaxError, 15, "write field >= 3000"),
    ("hot = yes", WrongType, 7, "true or false"),
    ("hot > true", WrongType, 7, "no order"),
    ("a > true", WrongType, 5, "no order"),
    ("hot in false..true", WrongType, 8, "no order"),
    ("a in 5keV..9keV", WrongType, 6, "no declared unit"),
    ("a in 1..x", WrongType, 9, "two numbers or of two strings"),
    ("energy > 5 K", WrongType, 10, "does not convert"),
    ("energy > 5 keVs", WrongType, 10, "unknown unit"),
    ("run = 1e19", WrongType, 7, "'1e19' is too great"),
    ('plan_name "scan"', QuerySyntaxError, 11, "a comparison is wanted"),
    ('"copper" "foil"', QuerySyntaxError, 10, "'and', 'or' or the end is wanted"),
    ("plan_name = 'scan", QuerySyntaxError, 13, "a quote is not closed"),
    ("run in [1, -1e308]", WrongType, 12, "too great"),
    ("a > 5 keV", WrongType, 5, "no declared unit"),
    ("a > 5keV", WrongType, 5, "no declared unit"),
    ("plan_name = two words", WrongType, 13, '"two words"'),
    ("time > soon", WrongType, 8, "2026-11-01"),
    ("time = now - 7 m", WrongType, 8, "no unit of time"),
    ("sample.name =~ 'Cu.*'", QuerySyntaxError, 14, "glob"),
    ("sample.name ~ /Cu.*/", QuerySyntaxError, 15, "glob"),
    ("a & b", QuerySyntaxError, 3, "write 'and'"),
    ("a = 1 b = 2", QuerySyntaxError, 9, "join conditions"),
    ("a = 'x' b = 2", QuerySyntaxError, 11, "join conditions"),
    ("status", QuerySyntaxError, 7, "behind the field, but the query ends"),
    ("a = 1 and", QuerySyntaxError, 10, "a condition is wanted here, but"),
    ("exists()", QuerySyntaxError, 8, "a field is wanted here, not ')'"),
    ("(a = 1", QuerySyntaxError, 7, "')'"),
]


@pytest.mark.parametrize(("text", "kind", "column", "words"), ERRORS)
def test_an_error_names_the_place_and_the_mend(
    text: str, kind: type[QueryError], column: int, words: str
) -> None:
    with pytest.raises(kind) as refused:
        PARSER.parse(text, now=NOW)
    assert refused.value.column == column
    assert f"column {column}: " in str(refused.value)
    assert words in str(refused.value)


def test_a_saved_tree_counts_to_the_depth_of_what_names_it() -> None:
    deep: Tree = Exists(field="uid")
    for _ in range(DEEPEST - 1):
        deep = Not(part=deep)
    parser = PARSER.resolving({"deep": deep})
    assert parser.parse("@deep") == deep
    with pytest.raises(QueryTooLarge, match=f"{DEEPEST}"):
        parser.parse("not @deep")


def test_now_has_no_meaning_without_a_clock() -> None:
    with pytest.raises(WrongType, match="no meaning"):
        PARSER.parse("time > now - 7 d")


def test_a_name_that_no_field_can_have_is_refused() -> None:
    fields = FieldRegistry()
    assert fields.field("a" * 500, 1).path == "start." + "a" * 500
    for name in ("a" * 501, "a\0"):
        with pytest.raises(UnknownField, match="at most 500 characters"):
            fields.field(name, 1)


def test_observed_fields_are_the_only_ones() -> None:
    seen = {
        "start.sample.name": frozenset({FieldType.STRING}),
        "start.plan_nam": frozenset({FieldType.STRING, FieldType.NUMBER}),
        "start.hits": frozenset({FieldType.INTEGER}),
    }
    parser = QueryParser(FieldRegistry().observe(seen))
    for text in ("sample.name = Cu", "plan_nam = 5", "plan_nam = x", "scan_id = 1"):
        parser.parse(text)
    for text, words in (
        ("sample.nam = Cu", "'sample.name'"),
        ("nothing.like.it = 1", "no run has it"),
        ("sample.name = 5", "it is string"),
        ("hits ~ 5*", "it is integer$"),
        ("plan_nam = true", "it is number or string"),
    ):
        with pytest.raises(QueryError, match=words):
            parser.parse(text)


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        ({"name": "a b", "type": FieldType.NUMBER}, "fields.a b"),
        ({"name": "a", "type": FieldType.NUMBER, "unit": "furlong"}, "fields.a.unit"),
        ({"name": "scan_id", "type": FieldType.STRING}, "fields.scan_id.type"),
        ({"name": "flag.DCH", "type": FieldType.NUMBER}, "fields.flag.DCH.type"),
        (
            {"name": "duration", "type": FieldType.NUMBER, "unit": "min"},
            "fields.duration.unit",
        ),
        (
            {"name": "a", "type": FieldType.INTEGER, "choices": ("x",)},
            "fields.a.choices",
        ),
        ({"name": "a.*", "type": FieldType.NUMBER, "path": "x"}, "fields.a.*.path"),
        ({"name": "a", "type": FieldType.NUMBER, "path": "strat.a"}, "fields.a.path"),
        # What faces show and the API sets would not be what is searched.
        (
            {"name": "run_type", "type": FieldType.STRING, "path": "start.kind"},
            "fields.run_type.path",
        ),
        (
            {"name": "flag.DCH", "type": FieldType.STRING, "path": "start.dch"},
            "fields.flag.DCH.path",
        ),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(
    declared: dict[str, object], field: str
) -> None:
    given = FieldDeclaration(**declared)  # type: ignore[arg-type]
    with pytest.raises(InputError) as refused:
        FieldRegistry().declare([given])
    assert refused.value.field == field


def test_a_facility_moves_and_describes_fields() -> None:
    own = FieldDeclaration(
        name="energy",
        type=FieldType.NUMBER,
        unit="keV",
        path="start.scan.energy",
        description="Of the beam.",
    )
    fields = FieldRegistry().declare([own])
    found = QueryParser(fields).parse("energy > 8000 eV")
    assert to_text(found) == "start.scan.energy > 8.0"
    assert fields.field("energy", 1).description == "Of the beam."


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("flag.DCH", "flag.DCH"),
        ("flag.D*", "flag.D*"),
        ("flag_cause.DCH", "flag_cause.DCH"),
        ("stop.quality", "stop.quality"),
        ("start.scan.energy", "start.scan.energy"),
        ("detectors.status_pxd", "detectors.status_pxd"),
        ("scan.energy", "start.scan.energy"),
    ],
)
def test_a_declared_member_of_a_family_stays_in_it(name: str, path: str) -> None:
    own = FieldDeclaration(name=name, type=FieldType.STRING)
    found = {field.name: field for field in FieldRegistry().declare([own])}
    assert found[name].path == path


@pytest.mark.parametrize("unit", ["pb-1", "pb^-1", "pb⁻¹", "1/pb"])
def test_an_inverse_unit_is_written_in_each_way(unit: str) -> None:
    fields = FieldRegistry()
    found = QueryParser(fields).parse(f"statistics.lumi_recorded in 1..2 {unit}")
    assert found == QueryParser(fields).parse("statistics.lumi_recorded in 1000..2000")


def test_a_declared_field_keeps_what_was_known_of_it() -> None:
    lumi = "statistics.lumi_recorded"
    fields = FieldRegistry().declare(
        [
            FieldDeclaration(name=lumi, type=FieldType.NUMBER, description="Ours."),
            FieldDeclaration(name="run_type", type=FieldType.STRING, choices=("beam",)),
            FieldDeclaration(name="flag.DCH", type=FieldType.STRING, choices=("bad",)),
        ]
    )
    assert (fields.field(lumi, 1).unit, fields.field(lumi, 1).description) == (
        "nb-1",
        "Ours.",
    )
    assert fields.field("run_type", 1).description == "physics, cosmic, ..."
    assert (
        fields.field("flag.DCH", 1).description
        == "Quality flags of a detector, those of parts of the run too."
    )
