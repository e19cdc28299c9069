import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.samples import GOOD, read
from tests.documents.strategies import bodies

from quire.documents.document import Document
from quire.documents.identity import row_uids
from quire.documents.legacy import as_received, changes_of, upgraded
from quire.documents.names import DocumentName
from quire.documents.reading import parse
from quire.documents.validation import Validator
from quire.testing.documents import document, make_event

VALIDATOR = Validator()
ROW = make_event("bulk", 1, ["a"])
DATA_KEY = {"dtype": "number", "shape": [], "source": "s"}


def descriptor(data_key: dict[str, Any]) -> Document:
    keys = {"x": {**DATA_KEY, **data_key}}
    head = {"uid": "d", "run_start": "r", "time": 1.5}
    return document("descriptor", {**head, "data_keys": keys})


def only(one: Document) -> Document:
    (found,) = upgraded(one)
    return found


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({"external": None}, {}, "data_keys/x: external null left out"),
        ({"shape": None}, {"shape": []}, "data_keys/x: shape null became []"),
        (
            {"dtype": "array", "shape": None},
            {"dtype": "array", "shape": [None]},
            "data_keys/x: shape null became [null]",
        ),
        (
            {"dtype_str": "<f8"},
            {"dtype_numpy": "<f8"},
            "data_keys/x: dtype_str became dtype_numpy",
        ),
        (
            {"dtype_descr": [["", "<i4"]]},
            {"dtype_numpy": "<i4"},
            "data_keys/x: dtype_descr became dtype_numpy",
        ),
        (
            {"dtype_descr": [["a", "<i4"], ["b", "|u1"]]},
            {"dtype_numpy": [["a", "<i4"], ["b", "|u1"]]},
            "data_keys/x: dtype_descr became dtype_numpy",
        ),
        (
            {"dtype_descr": [["", "<i4"], ["b", "|u1"]]},
            {"dtype_numpy": [["", "<i4"], ["b", "|u1"]]},
            "data_keys/x: dtype_descr became dtype_numpy",
        ),
        (
            {"dtype_descr": [["a", "<i4"]]},
            {"dtype_numpy": [["a", "<i4"]]},
            "data_keys/x: dtype_descr became dtype_numpy",
        ),
    ],
)
def test_older_data_keys_are_spelled_as_today(
    old: dict[str, Any], new: dict[str, Any], change: str
) -> None:
    one = descriptor(old)
    found = only(one)
    assert found.body["data_keys"]["x"] == {**DATA_KEY, **new}
    assert VALIDATOR.fault(found, 0) is None
    assert changes_of(found) == (change,)
    assert json.loads(found.original) == ["descriptor", one.body]
    assert one.raw in found.original
    assert parse(found.name, found.raw).body == found.body


@pytest.mark.parametrize(
    "data_key",
    [
        {"dtype_str": "float64"},
        {"dtype_str": "<f8", "dtype_numpy": "<i4"},
        {"dtype_descr": []},
        {"dtype_descr": [["a", "<i4", [2]]]},
        {"dtype_descr": [["a", "int"]]},
        {"dtype_descr": [[1, "<i4"]]},
        {"dtype_descr": ["a"]},
    ],
)
def test_what_cannot_be_said_today_stays(data_key: dict[str, Any]) -> None:
    one = descriptor(data_key)
    assert upgraded(one) == (one,)


@pytest.mark.parametrize("devices", [5, {"det": 5}, {"det": {"data_keys": {"x": 5}}}])
def test_what_is_no_configuration_is_for_the_schema_to_judge(devices: Any) -> None:
    one = document("descriptor", {"uid": "d", "configuration": devices})
    assert upgraded(one) == (one,)


def test_configuration_has_data_keys_too() -> None:
    one = descriptor({})
    inner = {"data_keys": {"y": {**DATA_KEY, "shape": None}}}
    found = only(document("descriptor", {**one.body, "configuration": {"det": inner}}))
    assert VALIDATOR.fault(found, 0) is None
    (change,) = changes_of(found)
    assert change == "configuration/det/data_keys/y: shape null became []"


@pytest.mark.parametrize(
    ("spec", "root", "path", "semantics", "mimetype", "uri"),
    [
        (
            "AD_HDF5_SWMR_STREAM",
            "/data",
            "a b/1.h5",
            "posix",
            "application/x-hdf5",
            "file://localhost/data/a%20b/1.h5",
        ),
        (
            "AD_TIFF",
            "/",
            "t",
            "posix",
            "multipart/related;type=image/tiff",
            "file://localhost/t",
        ),
        (
            "what",
            "C:\\data",
            "x\\y",
            "windows",
            "application/octet-stream",
            "file://localhost/C:/data/x/y",
        ),
        (
            "npy_seq",
            "/d/",
            "x\\y",
            "posix",
            "multipart/related;type=application/x-npy",
            "file://localhost/d/x%5Cy",
        ),
    ],
)
def test_older_stream_resources_name_a_mimetype_and_a_uri(
    spec: str, root: str, path: str, semantics: str, mimetype: str, uri: str
) -> None:
    body = {
        "uid": "s",
        "run_start": "r",
        "data_key": "x",
        "spec": spec,
        "root": root,
        "resource_path": path,
        "resource_kwargs": {"path": "/entry"},
        "path_semantics": semantics,
    }
    found = only(document("stream_resource", body))
    assert found.body == {
        "uid": "s",
        "run_start": "r",
        "data_key": "x",
        "mimetype": mimetype,
        "uri": uri,
        "parameters": {"path": "/entry"},
    }
    assert VALIDATOR.fault(found, 0) is None
    assert len(changes_of(found)) == 3


def test_a_data_key_may_stand_in_the_parameters() -> None:
    old = {"spec": "s", "root": "", "resource_path": "x"}
    body = {"uid": "s", **old, "resource_kwargs": {"data_key": "x"}}
    found = only(document("stream_resource", body))
    assert found.body["data_key"] == "x"
    assert changes_of(found)[-1] == "data_key was taken from the parameters"


@pytest.mark.parametrize(
    "changes",
    [{"uri": "u"}, {"mimetype": "m"}, {"resource_kwargs": None}, {"spec": 5}],
)
def test_what_is_of_two_times_is_for_the_schema_to_judge(
    changes: dict[str, Any],
) -> None:
    old = {"spec": "s", "root": "", "resource_path": "x", "resource_kwargs": {}}
    one = document("stream_resource", {"uid": "s", **old, **changes})
    assert upgraded(one) == (one,)


def test_a_resource_without_a_run_stays_legal_and_as_it_is() -> None:
    body = {
        "uid": "s",
        "spec": "NPY",
        "root": "/",
        "resource_path": "x",
        "resource_kwargs": {},
    }
    one = document("resource", body)
    assert VALIDATOR.fault(one, 0) is None
    assert upgraded(one) == (one,)
    null = only(document("resource", {**body, "run_start": None, "root": None}))
    assert null.body == {**body, "root": ""}
    assert changes_of(null) == ("run_start null left out", "root became empty")


def test_bulk_events_become_a_page_a_descriptor_and_kind_of_row() -> None:
    rows = [make_event("bulk", at, ["a"]) for at in (1, 2)]
    other = {**make_event("bulk", 3, ["a"]), "descriptor": "other"}
    one = document("bulk_events", {"primary": rows, "baseline": [other]})
    made = upgraded(one)
    assert [each.name for each in made] == [DocumentName.EVENT_PAGE] * 2
    assert row_uids(made[0]) == (rows[0]["uid"], rows[1]["uid"])
    assert made[1].body["descriptor"] == "other"
    for each in made:
        assert VALIDATOR.fault(each, 0) is None
        assert json.loads(each.original) == ["bulk_events", one.body]
        assert changes_of(each) == ("bulk_events became event_page",)


def test_bulk_datum_becomes_a_page() -> None:
    body = {
        "resource": "r",
        "datum_ids": ["r/0", "r/1"],
        "datum_kwarg_list": [{"n": 0}, {"n": 1}],
    }
    found = only(document("bulk_datum", body))
    assert found.name is DocumentName.DATUM_PAGE
    assert found.body["datum_kwargs"] == {"n": [0, 1]}
    assert VALIDATOR.fault(found, 0) is None
    assert changes_of(found) == ("bulk_datum became datum_page",)


def test_what_was_filled_is_in_the_page() -> None:
    rows = [
        {**make_event("bulk", at, ["a"]), "filled": {"a": bool(at)}} for at in (0, 1)
    ]
    found = only(document("bulk_events", {"primary": rows}))
    assert found.body["filled"] == {"a": [False, True]}
    assert VALIDATOR.fault(found, 0) is None


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("bulk_datum", {"resource": "r", "datum_ids": ["a"], "datum_kwarg_list": []}),
        (
            "bulk_datum",
            {
                "resource": "r",
                "datum_ids": ["a", "b"],
                "datum_kwarg_list": [{"n": 0}, {}],
            },
        ),
        ("bulk_datum", {"resource": "r", "datum_ids": 5, "datum_kwarg_list": []}),
        ("bulk_datum", {"resource": "r", "datum_ids": ["a"], "datum_kwarg_list": 5}),
        ("bulk_datum", {"resource": "r", "datum_ids": ["a"], "datum_kwarg_list": [5]}),
        ("bulk_datum", {"datum_ids": ["a"], "datum_kwarg_list": [{}]}),
        ("bulk_events", {"primary": 5}),
        ("bulk_events", {"primary": [5]}),
        ("bulk_events", {"primary": [ROW, {**ROW, "descriptor": ["d"]}]}),
        ("bulk_events", {"primary": [ROW, {**ROW, "more": 1}]}),
        ("bulk_events", {"primary": [ROW, {**ROW, "timestamps": [1.0]}]}),
        ("bulk_events", {"primary": [ROW, {**ROW, "filled": {"a": 5}}]}),
        ("bulk_events", {"primary": [{"uid": "u"}]}),
        ("bulk_events", {}),
    ],
)
def test_bulks_that_are_no_pages_stay(name: str, body: dict[str, Any]) -> None:
    one = document(name, body)
    assert upgraded(one) == (one,)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_spelled_as_today_is_left_alone(path: Any) -> None:
    for one in read(path):
        if not one.name.value.startswith("bulk"):
            assert upgraded(one) == (one,)
        assert as_received(one) == (one,)


@pytest.mark.parametrize("name", list(DocumentName), ids=lambda name: name.value)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_upgrading_never_harms(name: DocumentName, data: st.DataObject) -> None:
    one = document(name.value, data.draw(bodies(name)))
    before = json.dumps(one.body)
    made = upgraded(one)
    assert json.dumps(one.body) == before
    if VALIDATOR.fault(one, 0) is None:
        assert all(VALIDATOR.fault(each, 0) is None for each in made)
    for each in made:
        # What is upgraded once is as of today.
        assert upgraded(each) in ((each,), [each])
        assert json.dumps(parse(each.name, each.raw).body) == json.dumps(each.body)
