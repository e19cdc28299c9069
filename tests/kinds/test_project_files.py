"""Projections of what lies in files beside the documents, and into every format."""

import json
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.documents.samples import FOLDER
from tests.kinds.test_project import (
    Place,
    calculated,
    event,
    linked,
    place,
    run_of,
    static,
)
from tests.writers.reading import READERS

from quire.client.errors import RefusedInput
from quire.testing.documents import as_ndjson, document, make_uid

__all__ = ["place"]


@pytest.mark.parametrize("form", READERS)
def test_every_format_of_a_run(place: Place, form: str) -> None:
    entries = {
        "/entry/a": linked("a"),
        "/entry/sum": calculated("numpy:add", "a", "b"),
        "/entry/base": linked("a", "baseline"),
        "/entry/title": static("Ä"),
        "/entry/w": linked("w"),
    }
    run = place.send(run_of("formats", entries))
    job = place.project(run, form=form)
    found = READERS[form](place.product(job))
    values = [float(one) for one in found["/entry/sum"][0]]
    assert values == [2 * row + 0.5 for row in range(5)]
    several = form in ("nexus", "zarr")
    assert ("/entry/base" in found) == several
    # FITS has no Å, which only the values tell: the file is begun anew without.
    text = place.entries(job)["/entry/w"]
    assert (text["code"] == "not_held") == (form == "fits") == ("/entry/w" not in found)
    told = place.entries(job)["/entry/base"]
    assert (told["status"] == "ok") == several
    assert told["code"] in ("", "not_held")


def test_a_stream_without_events_has_the_rows_of_its_files(place: Place) -> None:
    body = (FOLDER / "external_stream_assets.jsonl").read_bytes()
    whole = place.send(body)
    uid = make_uid("eventless", "start")
    lines = [line for line in body.splitlines(keepends=True) if b'["event"' not in line]
    bare = b"".join(lines).replace(whole.encode(), uid.encode())
    for line in lines[1:]:
        own = json.loads(line)[1]["uid"].encode()
        other = make_uid("eventless", own.decode()).encode()
        bare = bare.replace(own, other) if b"/" not in own else bare
    place.send(bare)
    with (
        h5py.File(place.product(place.project(whole, "generic"))) as one,
        h5py.File(place.product(place.project(uid, "generic"))) as two,
    ):
        images = one["/entry/data/cam_image"][:]
        assert images.ndim > 2
        assert images.any()
        assert np.array_equal(two["/entry/data/cam_image"][:], images)
        assert two["/entry/data/cam_image"].dtype == images.dtype
        assert two["/entry/streams/primary/seq_num"][:].tolist() == [1, 2, 3, 4, 5]


def test_images_in_files_that_events_name(place: Place) -> None:
    run = place.send((FOLDER / "external_resource_datum.jsonl").read_bytes())
    shapes: list[tuple[int, ...]] = []

    def look(_: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset) and found.ndim > 2 and found[:].any():
            shapes.append(found.shape)

    with h5py.File(place.product(place.project(run, "generic"))) as file:
        file.visititems(look)
    assert shapes


def test_images_are_left_where_they_lie(tmp_path: Path) -> None:
    seed, folder = "left", tmp_path / "images"
    folder.mkdir()
    wrote = np.arange(7 * 2 * 3, dtype="u2").reshape(7, 2, 3)
    with h5py.File(folder / "one.h5", "x") as file:
        file["entry/data"] = wrote
    with h5py.File(folder / "two.h5", "x") as file:
        file["entry/data"] = wrote + 100
    uid = make_uid(seed, "start")
    key = {
        "source": "t",
        "dtype": "array",
        "shape": [1, 2, 3],
        "dtype_numpy": "<u2",
        "external": "STREAM:",
    }
    plain = {"source": "t", "dtype": "number", "shape": []}
    documents = [
        document("start", {"uid": uid, "time": 1.7e9}),
        document(
            "descriptor",
            {
                "uid": make_uid(seed, "d0"),
                "run_start": uid,
                "time": 1.7e9,
                "name": "primary",
                "data_keys": {"image": key, "a": plain},
                "configuration": {},
            },
        ),
    ]
    for row in range(1, 11):  # of which 4 has no image
        data = {"a": float(row)}
        documents.append(document("event", event(seed, 0, row, data)))
    for name, spans in {"one": [(1, 4, 0)], "two": [(5, 8, 2), (8, 11, 0)]}.items():
        resource = make_uid(seed, name)
        documents.append(
            document(
                "stream_resource",
                {
                    "uid": resource,
                    "run_start": uid,
                    "data_key": "image",
                    "mimetype": "application/x-hdf5",
                    "uri": f"file://localhost{folder}/{name}.h5",
                    "parameters": {"dataset": "/entry/data", "chunk_shape": [1, 2, 3]},
                },
            )
        )
        for number, (begin, end, frame) in enumerate(spans):
            told = {
                "uid": f"{resource}/{number}",
                "stream_resource": resource,
                "descriptor": make_uid(seed, "d0"),
                "seq_nums": {"start": begin, "stop": end},
                "indices": {"start": frame, "stop": frame + end - begin},
            }
            documents.append(document("stream_datum", told))
    stop = {"uid": make_uid(seed, "stop"), "run_start": uid, "time": 1.7e9 + 99}
    documents.append(document("stop", {**stop, "exit_status": "success"}))
    place = Place(tmp_path, roots=(folder,))
    try:
        run = place.send(as_ndjson(documents))
        copied = place.project(run, external="copy")
        linked_ = place.project(run, external="link")
        files = place.product(copied), place.product(linked_)
        with h5py.File(files[0]) as one, h5py.File(files[1]) as other:
            found, virtual = one["/entry/data/image"], other["/entry/data/image"]
            assert not found.is_virtual
            assert virtual.is_virtual
            assert np.array_equal(found[:], virtual[:])
            assert np.array_equal(virtual[0], wrote[0].reshape(virtual.shape[1:]))
            gaps = other["/entry/data/image_missing"][:].tolist()
            assert gaps == one["/entry/data/image_missing"][:].tolist()
            assert gaps == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
            sources = {source.file_name for source in virtual.virtual_sources()}
            assert sources == {str(folder / "one.h5"), str(folder / "two.h5")}
            assert other["/entry/data/a"][:].tolist() == list(range(1, 11))
        manifest = json.loads(Path(f"{files[1]}.manifest.json").read_text())
        held = {one["key"]: one for one in manifest["variables"]}
        left = [one["file"] for one in held["/entry/data/image"]["files"]]
        assert left == [str(folder / "one.h5"), str(folder / "two.h5")]
        with pytest.raises(RefusedInput, match="csv cannot link"):
            place.project(run, form="csv", external="link")
    finally:
        place.server.stop()
