import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import ManyInputErrors
from quire.products.keyword_rules import Filter, Transform
from quire.products.keywords import EsoKeyword, LiteralKeyword, ValueKeyword
from quire.products.receivers import OlasReceiver
from quire.products.specification import (
    FitsFile,
    FitsKeywords,
    host_and_path,
    parse_specification,
)
from quire.products.specification_schema import specification_schema

# The composite example of ESO's page.
EXAMPLE = """
{"id": "TEST.2021-05-18T14:49:03.905",
 "sources": [
  {"type": "fitsKeywords", "sourceName": "ocm", "keywords": [
    {"type": "valueKeyword", "name": "ORIGIN", "value": "ESO-PARANAL"},
    {"type": "esoKeyword", "name": "OCS TEMPL ID", "value": "template-id",
     "comment": "optional"},
    {"type": "literalKeyword", "value": "COMMENT free text"}]},
  {"type": "fitsFile", "sourceName": "fcs", "location": "fcs-host:/path/to/some.fits",
   "alertUnmergeable": false,
   "keywordRules": [
    {"type": "filter",
     "selectionPatterns": ["+e INS *", "-e INS TEMP[12] *", "+v VALUEKW"]},
    {"type": "transform", "selectionPatterns": ["+e INS *"], "regex": "^INS ",
     "format": "INS2 "}]}],
 "target": {"fileId": "TEST.2021-05-18T14:49:03.905",
  "source": {"type": "fitsFile", "sourceName": "dcs",
             "location": "dcs-host:/path/to/somefile.fits"}},
 "keywordDictionaries": ["instrument.did"],
 "receivers": [
  {"type": "olasReceiver", "path": "/archive/in", "host": "",
   "options": {"allowSymlink": true}}]}
"""


def minimal(**changes: Any) -> dict[str, Any]:
    return {"id": "A", "sources": [], "target": {"fileId": "A"}} | changes


def faults(raw: Any) -> dict[str, str]:
    with pytest.raises(ManyInputErrors) as caught:
        parse_specification(raw)
    return {error.field: error.reason for error in caught.value.errors}


def test_esos_example_is_read_whole() -> None:
    parsed = parse_specification(EXAMPLE)

    keywords, file = parsed.sources
    assert isinstance(keywords, FitsKeywords)
    assert isinstance(file, FitsFile)
    assert [type(one) for one in keywords.keywords] == [
        ValueKeyword,
        EsoKeyword,
        LiteralKeyword,
    ]
    assert [type(rule) for rule in file.keyword_rules or ()] == [Filter, Transform]
    assert file.alert_unmergeable is False
    assert [one.source_name for one in parsed.files] == ["dcs", "fcs"]
    (receiver,) = parsed.receivers
    assert isinstance(receiver, OlasReceiver)
    assert receiver.allow_symlink is True
    assert parsed == parse_specification(json.loads(EXAMPLE))
    assert parsed == parse_specification(msgspec.json.encode(parsed))


def test_the_schema_is_one_and_accepts_the_example() -> None:
    schema = specification_schema()

    assert jsonschema_rs.meta.is_valid(schema)
    assert jsonschema_rs.is_valid(schema, json.loads(EXAMPLE))


def test_all_errors_are_told_at_once_with_their_places() -> None:
    raw = json.loads(EXAMPLE)
    raw["id"] = "../x"
    raw["sources"][0]["keywords"][0]["name"] = "toolongname"
    raw["sources"][0]["keywords"][1]["value"] = None
    del raw["sources"][1]["location"]
    raw["sources"][1]["keyworkRules"] = []
    raw["sources"].append({"type": "hdf5File"})
    raw["target"]["source"]["location"] = "-e rsh:/x"
    raw["receivers"][0]["path"] = "relative"

    found = faults(raw)

    assert {
        "/id",
        "/sources/0/keywords/0/name",
        "/sources/0/keywords/1/value",
        "/sources/1/location",
        "/sources/1/keyworkRules",
        "/sources/2/type",
        "/target/source/location",
        "/receivers/0/path",
    } <= found.keys()


def test_errors_say_what_would_be_right() -> None:
    with pytest.raises(ManyInputErrors) as caught:
        parse_specification(minimal(id="a b"))

    (error,) = caught.value.errors
    assert error.field == "/id"
    assert "letters, digits" in error.mend


def test_what_the_schema_cannot_see_is_told_too() -> None:
    keywords = [
        {"type": "valueKeyword", "name": "NAXIS", "value": 2},
        {"type": "valueKeyword", "name": "A", "value": "caf\xe9"},
        {"type": "esoKeyword", "name": "A B", "value": "x" * 90},
        {"type": "literalKeyword", "value": "END"},
        {"type": "valueKeyword", "name": "A", "value": 10**30},
        {"type": "valueKeyword", "name": "GOOD", "value": "it's / fine = 5"},
    ]
    rules = [
        {"type": "filter", "selectionPatterns": ["+e OK", "+q A"]},
        {"type": "transform", "selectionPatterns": [], "regex": "(", "format": ""},
    ]
    raw = minimal(
        sources=[
            {"type": "fitsKeywords", "sourceName": "k", "keywords": keywords},
            {
                "type": "fitsFile",
                "sourceName": "f",
                "location": "/a",
                "keywordRules": rules,
            },
        ]
    )

    assert faults(raw).keys() == {
        *(f"/sources/0/keywords/{number}" for number in range(5)),
        "/sources/1/keywordRules/0/selectionPatterns/1",
        "/sources/1/keywordRules/1/regex",
    }


@pytest.mark.parametrize(
    "text", ["", "[", "nonsense", '{"id": "a", "id": "b"}', "[" * 1000, '{"id": NaN}']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    assert "no JSON" in faults(text)[""]


@pytest.mark.parametrize("raw", ["[]", "5", "null", '"x"'])
def test_what_is_no_object_is_refused(raw: str) -> None:
    assert "" in faults(raw)


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a/b", "a..b", "..", "a b", "a\n", "\xe9", "a" * 201, "a;b", "$x"],
)
def test_a_dangerous_name_is_refused(name: str) -> None:
    assert "/id" in faults(minimal(id=name))
    assert "/target/fileId" in faults(minimal(target={"fileId": name}))


@pytest.mark.parametrize("name", ["TEST.2021-05-18T14:49:03.905", "a", "A_b+c:1"])
def test_a_usual_name_is_fine(name: str) -> None:
    assert parse_specification(minimal(id=name, target={"fileId": name})).id == name


def located(location: str) -> dict[str, Any]:
    file = {"type": "fitsFile", "sourceName": "f", "location": location}
    return minimal(sources=[file])


@pytest.mark.parametrize(
    "location",
    [
        "",
        "-x",
        "host:-x",
        "../a",
        "/a/../b",
        "h:/a/..",
        "h:../a",
        "/a;b",
        "/a\n",
        "`x`",
    ],
)
def test_a_dangerous_location_is_refused(location: str) -> None:
    assert "/sources/0/location" in faults(located(location))


@pytest.mark.parametrize(
    ("location", "parts"),
    [
        ("host:/a/b.fits", ("host", "/a/b.fits")),
        ("/a/b:c.fits", ("", "/a/b:c.fits")),
        ("a b/c..fits", ("", "a b/c..fits")),
        ("a.fits", ("", "a.fits")),
        ("user@h.org:/x", ("user@h.org", "/x")),
    ],
)
def test_a_location_has_a_host_and_a_path(
    location: str, parts: tuple[str, str]
) -> None:
    parse_specification(located(location))

    assert host_and_path(location) == parts


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({}, True),
        ({"allowSymlink": False}, False),
        ({"noSymlink": True}, False),
        ({"noSymlink": False}, True),
    ],
)
def test_both_spellings_of_the_symlink_option_are_read(
    options: dict[str, bool], allowed: bool
) -> None:
    receiver = {"type": "olasReceiver", "path": "/in", "options": options}

    parsed = parse_specification(minimal(receivers=[receiver]))

    (found,) = parsed.receivers
    assert isinstance(found, OlasReceiver)
    assert found.allow_symlink is allowed


def test_both_spellings_at_once_are_refused() -> None:
    options = {"noSymlink": True, "allowSymlink": False}
    receiver = {"type": "olasReceiver", "path": "/in", "options": options}

    assert "/receivers/0/options" in faults(minimal(receivers=[receiver]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "sources", "target", "fileId", "a/~b"]),
            inner,
            max_size=4,
        )
    ),
)


@given(value=JSON)
def test_anything_is_parsed_or_refused_with_places(value: Any) -> None:
    try:
        parse_specification(json.dumps(value))
    except ManyInputErrors as errors:
        assert all(  # noqa: PT017
            error.field == "" or error.field.startswith("/") for error in errors.errors
        )
