"""Data in files whose rows differ in shape: ragged columns, over HTTP and in Python."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pyarrow as pa
import pytest
import tifffile
from astropy.io import fits
from tests.client.test_streams import Place, streamed

from quire.client.connection import Connection
from quire.client.errors import RefusedInput
from quire.client.run_reader import RunOverHttp
from quire.runs.columns.layout import DATA
from quire.testing.documents import make_uid

UNLIKE = [np.arange(2 * n, dtype="u2").reshape(n, 2) for n in (3, 1, 2, 4)]
Where = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("ragged"))
    yield made
    made.server.stop()


def npy_files(folder: Path, arrays: Sequence[Any]) -> Where:
    for number, one in enumerate(arrays):
        np.save(folder / f"a_{number}.npy", one)
    media = "multipart/related;type=application/x-npy"
    return f"{folder}/", media, {"template": "a_{:d}.npy"}


def fits_files(folder: Path, arrays: Sequence[Any]) -> Where:
    for number, one in enumerate(arrays):
        fits.PrimaryHDU(one.astype(">i4")).writeto(folder / f"a{number}.fits")
    media = "multipart/related;type=image/fits"
    return f"{folder}/", media, {"template": "a{:d}.fits"}


def tiff_files(folder: Path, arrays: Sequence[Any]) -> Where:
    for number, one in enumerate(arrays):
        tifffile.imwrite(folder / f"a_{number:03}.tif", one)
    media = "multipart/related;type=image/tiff"
    return f"{folder}/", media, {"template": "a_{:03d}.tif"}


def tiff_pages(folder: Path, arrays: Sequence[Any]) -> Where:
    with tifffile.TiffWriter(folder / "pages.tif") as file:
        for one in arrays:
            file.write(one, contiguous=False)
    return f"{folder}/pages.tif", "image/tiff", {}


def keys(*shape: int | None) -> dict[str, Any]:
    return {"cam": {"dtype": "array", "shape": [*shape], "external": "STREAM:"}}


def made(place: Place, seed: str, where: Where, rows: int, *shape: int | None) -> Any:
    path, media, parameters = where
    uri = f"file://localhost{path}"
    more = streamed(seed, uri, media, rows, **parameters)
    return place.made(seed, keys(*shape), [{}] * rows, *more).primary


@pytest.fixture
def folder(place: Place, request: pytest.FixtureRequest) -> Path:
    own: Path = place.files / request.node.name.replace("[", "-").replace("]", "")
    own.mkdir()
    return own


def same(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


@pytest.mark.parametrize("write", [npy_files, fits_files, tiff_files, tiff_pages])
def test_rows_of_unlike_shapes_come_as_they_are(
    place: Place, folder: Path, write: Callable[[Path, Sequence[Any]], Where]
) -> None:
    primary = made(place, write.__name__, write(folder, UNLIKE), 4, None, 2)
    # As a table: lists in lists, nothing of it lost.
    table = primary.table(assets=True)
    field = table.schema.field("data").type.field("cam")
    assert pa.types.is_large_list(field.type)
    assert pa.types.is_large_list(field.type.value_type)
    assert field.metadata[b"shape"] == b"[null, 2]"
    cells = [row["cam"] for row in table["data"].to_pylist()]
    assert cells == [one.tolist() for one in UNLIKE]
    # As a dataset, and indexed, with the values' own type.
    found = primary.read()["cam"]
    assert found.dims == ("time",)
    assert same(found.values, UNLIKE)
    array = primary["cam"]
    assert array.shape == (4,)
    assert same(array[1:3], UNLIKE[1:3])
    assert same(array[::-2], UNLIKE[::-2])
    assert array[3].dtype.kind in "iu"
    assert np.array_equal(array[3], UNLIKE[3])
    # Some rows of a table.
    part = primary.table("cam", after=1, limit=2)
    assert [row["cam"] for row in part["data"].to_pylist()] == cells[1:3]


def test_bytes_cannot_hold_them(place: Place, folder: Path) -> None:
    primary = made(place, "bytes", npy_files(folder, UNLIKE), 4, None, 2)
    path = f"/api/v1/runs/{make_uid('bytes', 'start')}/streams/primary/arrays/cam"
    with place.server.http() as http:
        for form in ("raw", "npy"):
            answer = http.get(path, params={"format": form})
            assert answer.status_code == 422
            assert answer.json()["mend"] == "arrow"
        assert http.get(path, params={"format": "sources"}).status_code == 422
        told = http.get(path, params={"format": "json"}).json()
        assert told == {"dtype": "<u2", "shape": [4, None, 2], "seq_nums": [[1, 4]]}
        asked = {"format": "arrow", "slice": "9:"}
        empty = pa.ipc.open_stream(http.get(path, params=asked).content).read_all()
        assert empty.num_rows == 0
        cells = http.get(
            path.removesuffix("/arrays/cam"), params={"format": "csv", "columns": "cam"}
        )
        assert '"[[0,1],[2,3],[4,5]]"' in cells.text.replace(", ", ",")
    assert len(primary["cam"][4:]) == 0


def test_a_row_of_length_nothing_is_an_empty_list(place: Place, folder: Path) -> None:
    arrays = [np.arange(n, dtype="f4") for n in (2, 0, 1)]
    primary = made(place, "none", npy_files(folder, arrays), 3, None)
    assert same(primary["cam"][:], arrays)
    cells = [row["cam"] for row in primary.table(assets=True)["data"].to_pylist()]
    assert cells == [[0.0, 1.0], [], [0.0]]


def test_lists_of_hdf5_have_lengths_of_their_own(place: Place, folder: Path) -> None:
    arrays = [np.arange(n, dtype="f8") / 4 for n in (3, 0, 1, 2)]
    with h5py.File(folder / "lists.h5", "w") as file:
        lists = file.create_dataset("hits", (4,), h5py.vlen_dtype(np.dtype("f8")))
        for number, one in enumerate(arrays):
            lists[number] = one
    where = str(folder / "lists.h5"), "application/x-hdf5", {"dataset": "hits"}
    # Whatever the descriptor promises.
    for shape in ([None], [3], []):
        primary = made(place, f"lists {shape}", where, 4, *shape)
        assert same(primary.read("cam")["cam"].values, arrays)
        cells = [row["cam"] for row in primary.table("cam")["data"].to_pylist()]
        assert cells == [one.tolist() for one in arrays]


def test_what_is_of_one_shape_after_all_is_no_list(place: Place, folder: Path) -> None:
    frames = np.arange(24, dtype="u2").reshape(4, 3, 2)
    primary = made(place, "even", npy_files(folder, list(frames)), 4, None, 2)
    kind = primary.table("cam").schema.field("data").type.field("cam").type
    assert kind == pa.list_(pa.list_(pa.uint16(), 2), 3)
    assert np.array_equal(primary.read()["cam"].values, frames)


def test_a_table_shows_them_whatever_the_descriptor_promises(
    place: Place, folder: Path
) -> None:
    primary = made(place, "lie", npy_files(folder, UNLIKE), 4, 3, 2)
    cells = [row["cam"] for row in primary.table(assets=True)["data"].to_pylist()]
    assert cells == [one.tolist() for one in UNLIKE]
    # As an array their shape is the promised one, and it is said that rows break it.
    with pytest.raises(RefusedInput, match="differ in shape"):
        primary["cam"].read()
    assert np.array_equal(primary["cam"][0], UNLIKE[0])


def test_types_are_widened(place: Place, folder: Path) -> None:
    arrays = [np.array([1, 2], "i2"), np.array([0.5], "f4"), np.array([2**31], "u4")]
    primary = made(place, "types", npy_files(folder, arrays), 3, None)
    found = primary["cam"][:]
    assert [one.dtype for one in found] == [np.float64] * 3
    assert same(found, arrays)


def test_rows_with_unlike_axes_are_refused(place: Place, folder: Path) -> None:
    arrays = [np.zeros(2), np.zeros((2, 2))]
    primary = made(place, "axes", npy_files(folder, arrays), 2, None)
    with pytest.raises(RefusedInput, match="differ in the number of their axes"):
        primary.read("cam")


def datums(
    folder: Path, seed: str, arrays: Sequence[Any]
) -> tuple[list[dict[str, Any]], list[tuple[str, dict[str, Any]]]]:
    """Return events' data and documents: a file and a resource an event."""
    data, more = [], []
    for number, one in enumerate(arrays):
        np.save(folder / f"{number}.npy", one)
        uid = make_uid(seed, f"resource {number}")
        resource = {
            "uid": uid,
            "run_start": make_uid(seed, "start"),
            "spec": "NPY",
            "root": str(folder),
            "resource_path": f"{number}.npy",
            "resource_kwargs": {},
        }
        datum = {"datum_id": f"{uid}/0", "resource": uid, "datum_kwargs": {}}
        more += [("resource", resource), ("datum", datum)]
        data.append({"cam": f"{uid}/0"})
    return data, more


def test_a_file_an_event(place: Place, folder: Path) -> None:
    data, more = datums(folder, "each", UNLIKE)
    told = {"cam": {"dtype": "array", "shape": [None, 2], "external": "FILESTORE:"}}
    primary = place.made("each", told, data, *more).primary
    assert same(primary.read()["cam"].values, UNLIKE)


def test_a_row_that_cannot_be_read_is_missing(place: Place, folder: Path) -> None:
    data, more = datums(folder, "lost", UNLIKE)
    (folder / "1.npy").unlink()
    data.append({"cam": "never came"})
    told = {"cam": {"dtype": "array", "shape": [None, 2], "external": "FILESTORE:"}}
    primary = place.made("lost", told, data, *more).primary
    cells = [row["cam"] for row in primary.table(assets=True)["data"].to_pylist()]
    expected = [one.tolist() for one in UNLIKE]
    assert cells == [expected[0], None, *expected[2:], None]
    with pytest.raises(RefusedInput, match=r"1\.npy"):
        primary.table("cam")


def test_a_stream_without_events_has_the_rows_of_its_files(
    place: Place, folder: Path
) -> None:
    path, media, parameters = npy_files(folder, UNLIKE)
    more = streamed("fly", f"file://localhost{path}", media, 4, **parameters)
    found = place.made("fly", keys(None, 2), [], *more).primary.read()
    assert found["seq_num"].values.tolist() == [1, 2, 3, 4]
    assert same(found["cam"].values, UNLIKE)
    # So do products that are made of it.
    address = place.server.address
    with Connection(address.url, address.token) as connection:
        reader = RunOverHttp(connection, make_uid("fly", "start"))
        reader.run()
        assert reader.stream("primary").rows == 4
        (table,) = reader.rows("primary", ("cam",), 9)
    cells = table.column(DATA + "cam").to_pylist()
    assert cells == [one.tolist() for one in UNLIKE]
