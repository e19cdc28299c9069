"""Data keys whose rows lie in several files, some of which come late or never."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
import tifffile
from tests.client.test_streams import Place

from quire.client.errors import RefusedConflict
from quire.client.streams import UnreadableData
from quire.testing.documents import make_uid

CAM = {"cam": {"dtype": "array", "shape": [1, 2, 5], "external": "STREAM:"}}
Write = Callable[[Path, int], tuple[str, str, dict[str, Any]]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("many"))
    yield made
    made.server.stop()


def frames(first: int) -> Any:
    """Return three frames, each of its own number."""
    return np.repeat(np.arange(first, first + 3, dtype="u2"), 10).reshape(3, 2, 5)


def hdf5(folder: Path, first: int) -> tuple[str, str, dict[str, Any]]:
    path = folder / f"{first}.h5"
    with h5py.File(path, "w") as file:
        file["d"] = frames(first)
    return path.as_uri(), "application/x-hdf5", {"dataset": "d"}


def tiffs(folder: Path, first: int) -> tuple[str, str, dict[str, Any]]:
    own = folder / str(first)
    own.mkdir()
    for number, frame in enumerate(frames(first)):
        tifffile.imwrite(own / f"{number:03d}.tif", frame)
    media = "multipart/related;type=image/tiff"
    return own.as_uri(), media, {"template": "{:03d}.tif"}


def described(
    seed: str, parts: Sequence[tuple[str, str, dict[str, Any]]], *, goes_on: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents of files with three rows each."""
    for number, (uri, media, parameters) in enumerate(parts):
        resource = make_uid(seed, "resource", number)
        yield (
            "stream_resource",
            {
                "uid": resource,
                "run_start": make_uid(seed, "start"),
                "data_key": "cam",
                "mimetype": media,
                "uri": uri,
                "parameters": parameters,
            },
        )
        begin = 3 * number if goes_on else 0
        yield (
            "stream_datum",
            {
                "uid": make_uid(seed, "datum", number),
                "stream_resource": resource,
                "descriptor": make_uid(seed, "descriptor"),
                "seq_nums": {"start": 3 * number + 1, "stop": 3 * number + 4},
                "indices": {"start": begin, "stop": begin + 3},
            },
        )


def folder_of(place: Place, name: str) -> Path:
    folder: Path = place.files / name
    folder.mkdir()
    return folder


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("write", [hdf5, tiffs])
def test_rows_are_counted_in_each_file_or_on_over_all(
    place: Place,
    write: Write,
    goes_on: bool,
) -> None:
    seed = f"{write.__name__}-{goes_on}"
    folder = folder_of(place, seed)
    parts = [write(folder, first) for first in (0, 10, 20)]
    told = described(seed, parts, goes_on=goes_on)
    run = place.made(seed, CAM, [{}] * 9, *told)
    right = [0, 1, 2, 10, 11, 12, 20, 21, 22]
    found = run.primary.read()["cam"]
    assert found.shape == (9, 1, 2, 5)
    assert found[:, 0, 0, 0].values.tolist() == right
    assert run["primary", "cam"][::-2, 0, 1, 4].tolist() == right[::-2]


def test_two_resources_of_one_file_are_read_as_they_say(place: Place) -> None:
    folder = folder_of(place, "one")
    path = folder / "all.h5"
    with h5py.File(path, "w") as file:
        file["d"] = np.concatenate([frames(0), frames(10)])
    part = path.as_uri(), "application/x-hdf5", {"dataset": "d"}
    told = described("one", [part, part], goes_on=True)
    run = place.made("one", CAM, [{}] * 6, *told)
    assert run["primary", "cam"][:, 0, 0, 0].tolist() == [0, 1, 2, 10, 11, 12]
    with h5py.File(path, "w") as file:
        file["d"] = frames(0)  # as before the rest was flushed
    with pytest.warns(UnreadableData, match="lacks 3 rows"):
        assert run["primary", "cam"][:, 0, 0, 0].tolist() == [0, 1, 2]


def test_a_lost_first_file_takes_no_other_along(place: Place) -> None:
    folder = folder_of(place, "lost")
    parts = [hdf5(folder, first) for first in (0, 10)]
    (folder / "0.h5").unlink()
    run = place.made("lost", CAM, [{}] * 6, *described("lost", parts, goes_on=False))
    with pytest.warns(UnreadableData, match="lacks 3 rows"):
        found = run.primary.read()["cam"]
    assert np.isnan(found[:3]).all()
    assert found[3:, 0, 0, 0].values.tolist() == [10, 11, 12]
    table = run.primary.table(assets=True)
    cells = [row["cam"] for row in table["data"].to_pylist()]
    assert cells[:3] == [None] * 3
    assert cells[5] == [[[12] * 5] * 2]


def test_a_lost_first_file_of_a_sequence_takes_no_other_along(place: Place) -> None:
    folder = folder_of(place, "sequence")
    part = tiffs(folder, 10)
    (folder / "10" / "000.tif").unlink()
    told = described("sequence", [part], goes_on=False)
    run = place.made("sequence", CAM, [{}] * 3, *told)
    with pytest.warns(UnreadableData, match=r"lacks 1 row.*000\.tif"):
        found = run.primary.read()["cam"]
    assert np.isnan(found[0]).all()
    assert found[1:, 0, 0, 0].values.tolist() == [11, 12]


def test_a_lost_first_file_of_many_takes_no_other_along(place: Place) -> None:
    folder = folder_of(place, "many")
    count = 40  # more than are looked at
    more: list[tuple[str, dict[str, Any]]] = []
    for number in range(count):
        resource = make_uid("many", "resource", number)
        named = {
            "uid": resource,
            "run_start": make_uid("many", "start"),
            "spec": "NPY",
            "root": str(folder),
            "resource_path": f"{number}.npy",
            "resource_kwargs": {},
            "path_semantics": "posix",
        }
        datum = {"datum_id": str(number), "resource": resource, "datum_kwargs": {}}
        more += [("resource", named), ("datum", datum)]
        if number:
            np.save(folder / f"{number}.npy", np.full((2, 2), number, "f4"))
    rows = [{"cam": str(number)} for number in range(count)]
    keys = {"cam": {"dtype": "array", "shape": [2, 2], "external": "FILESTORE:"}}
    run = place.made("many", keys, rows, *more)
    with pytest.warns(UnreadableData, match=r"lacks 1 row.*0\.npy"):
        found = run.primary.read()["cam"]
    assert np.isnan(found[0]).all()
    assert found[1:, 1, 1].values.tolist() == list(range(1, count))


def test_rows_are_not_taken_for_those_of_a_file_that_came_since(place: Place) -> None:
    folder = folder_of(place, "late")
    parts = [hdf5(folder, first) for first in (0, 10, 20)]
    (folder / "10.h5").rename(folder / "elsewhere")
    run = place.made("late", CAM, [{}] * 9, *described("late", parts, goes_on=False))
    with pytest.warns(UnreadableData, match="lacks 3 rows"):
        opened, array = run.primary.read()["cam"], run["primary", "cam"]
    (folder / "elsewhere").rename(folder / "10.h5")
    assert array[:3, 0, 0, 0].tolist() == [0, 1, 2]
    with pytest.raises(RefusedConflict, match="read the stream anew"):
        np.asarray(opened)
    for wanted in (slice(None), 4, [5, 1]):
        with pytest.raises(RefusedConflict, match="read the stream anew"):
            array[wanted]
    right = [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert run.primary.read()["cam"][:, 0, 0, 0].values.tolist() == right


def test_values_are_not_taken_for_those_of_another_type(place: Place) -> None:
    folder = folder_of(place, "again")
    part = hdf5(folder, 0)
    told = described("again", [part], goes_on=False)
    run = place.made("again", CAM, [{}] * 3, *told)
    opened = run.primary.read()["cam"]
    with h5py.File(folder / "0.h5", "w") as file:
        file["d"] = frames(0).astype("f8")
    with pytest.raises(RefusedConflict, match=r"values .*have changed"):
        np.asarray(opened)
    assert run.primary.read()["cam"].dtype == "f8"
