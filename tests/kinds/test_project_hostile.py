"""Names, units and values that cost no more than their own entry its place."""

import json
from collections.abc import Iterator

import h5py  # type: ignore[import-untyped]
import pytest
from tests.kinds.test_project import Place, linked, run_of, static
from tests.writers.reading import READERS

from quire.testing.documents import make_uid


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("hostile"))
    yield made
    made.server.stop()


@pytest.mark.parametrize("form", READERS)
def test_no_name_or_unit_is_too_strange(place: Place, form: str) -> None:
    """What one entry is called by costs no other its place."""
    entries = {
        "/entry/a": linked("a"),
        "/entry/a_missing": static(5),
        "/entry/a_missing_": static(6),
        "/entry/b": linked("b"),
        f"/entry/{'x' * 300}": static("long"),
    }
    body = run_of(f"strange {form}", entries).replace(
        b'"units": "s"', b'"units": "\\u0000"'
    )
    assert b'"a": 2.5' in body
    job = place.project(place.send(body.replace(b'"a": 2.5', b'"a": null')), form=form)
    told = place.entries(job)
    assert told["/entry/a"]["code"] == ("not_held" if form == "fits" else "")
    assert told["/entry/a_missing"]["status"] == "ok"
    found = READERS[form](place.product(job))
    if form != "fits":
        gap = found["/entry/a"][0][2]
        assert gap is None
    nul = form in ("nexus", "fits")
    assert told["/entry/b"]["code"] == ("not_held" if nul else "")
    assert ("/entry/b" in found) != nul


@pytest.mark.parametrize("form", ["nexus", "zarr", "csv", "fits"])
def test_a_column_that_no_format_holds_is_one_entry_s_issue(
    place: Place, form: str
) -> None:
    body = run_of(f"deep {form}", {"/entry/w": linked("w"), "/entry/b": linked("b")})
    for row in range(5):
        deep = json.dumps([[1] * row, [2]]).encode()
        body = body.replace(f'"w": "\\u00c5{row}"'.encode(), b'"w": ' + deep)
    body = body.replace(b'"dtype": "string"', b'"dtype": "array"')
    assert b"[[1], [2]]" in body
    job = place.project(place.send(body), form=form)
    assert place.entries(job)["/entry/w"]["code"] == "not_held"
    found = READERS[form](place.product(job))
    assert [int(one) for one in found["/entry/b"][0]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("form", ["nexus", "zarr"])
def test_streams_of_names_that_look_alike_stand_side_by_side(
    place: Place, form: str
) -> None:
    entries = {
        "/entry/a": linked("a", "base/line"),
        "/entry/b": linked("a", "base_line"),
        "/entry/c": linked("a", "b\0"),
    }
    body = run_of(f"alike {form}", entries)
    for name in (b"base/line", b"base_line"):
        body = body.replace(b'"name": "primary"', b'"name": "%b"' % name, 1)
    job = place.project(
        place.send(body.replace(b'"name": "baseline"', b'"name": "b\\u0000"')),
        form=form,
    )
    told = {key: one["code"] for key, one in place.entries(job).items()}
    assert (told["/entry/a"], told["/entry/b"]) == ("", "")
    assert told["/entry/c"] == ("not_held" if form == "nexus" else "")
    found = READERS[form](place.product(job))
    assert (len(found["/entry/a"][0]), len(found["/entry/b"][0])) == (2, 3)
    if form == "nexus":
        with h5py.File(place.product(job)) as file:
            streams = file["/entry/streams"]
            assert {
                one.attrs["stream"]: len(one["time"]) for one in streams.values()
            } == {
                "base/line": 2,
                "base_line": 3,
            }


def test_the_plot_that_a_projection_asks_for_is_the_default(place: Place) -> None:
    entries = {
        "/entry/data/a": linked("a"),
        "/entry/mine/b": linked("b"),
        "/entry/mine/@NX_class": static("NXdata"),
        "/entry/mine/@signal": static("b"),
    }
    job = place.project(place.send(run_of("own plot", entries)))
    with h5py.File(place.product(job)) as file:
        assert file.attrs["default"] == "entry"
        assert file["entry"].attrs["default"] == "mine"
        assert file["/entry/mine"].attrs["signal"] == "b"
        assert "signal" not in file["/entry/data"].attrs


def test_a_run_of_any_uid_is_held_by_all_formats(place: Place) -> None:
    body = run_of("foreign", {"/entry/a": linked("a")})
    uid = make_uid("foreign", "start")
    run = place.send(body.replace(uid.encode(), "Lauf-ß1".encode()))
    for form, read in READERS.items():
        found = read(place.product(place.project(run, form=form)))
        assert [float(one) for one in found["/entry/a"][0]] == [
            0.5,
            1.5,
            2.5,
            3.5,
            4.5,
        ]
