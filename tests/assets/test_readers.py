"""Each format against files that its own library wrote."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
import tifffile
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from quire.assets.registry import AssetFiles
from quire.assets.slicing import axes_of_frames, part_of
from quire.ports.asset_reader import AssetUnreadable, Frames
from quire.runs.columns.external import Asset

CUBE = np.arange(6 * 4 * 5, dtype="<u2").reshape(6, 4, 5)


def stream(path: Path | str, media: str, **parameters: Any) -> Asset:
    uri = f"file://localhost{path}"
    return Asset(
        document="stream_resource",
        uid="s",
        format=media,
        location=uri,
        parameters=parameters,
    )


def resource(where: Path, spec: str, **parameters: Any) -> Asset:
    return Asset(
        document="resource",
        uid="r",
        format=spec,
        root=str(where.parent),
        location=where.name,
        parameters=parameters,
    )


def write_npy(folder: Path) -> Asset:
    np.save(folder / "cube.npy", CUBE)
    return stream(folder / "cube.npy", "application/x-npy")


def write_fortran(folder: Path) -> Asset:
    np.save(folder / "cube.npy", np.asfortranarray(CUBE))
    return stream(folder / "cube.npy", "application/x-npy")


def write_npy_sequence(folder: Path) -> Asset:
    for number, frame in enumerate(CUBE):
        np.save(folder / f"img_{number}.npy", frame)
    return stream(folder / "img", "multipart/related;type=application/x-npy")


def write_hdf5(folder: Path) -> Asset:
    with h5py.File(folder / "cube.h5", "w") as file:
        file["/entry/data/data"] = CUBE
    return stream(folder / "cube.h5", "application/x-hdf5", dataset="/entry/data/data")


def write_hdf5_parts(folder: Path) -> Asset:
    for number in range(3):
        with h5py.File(folder / f"part_{number:03}.h5", "w") as file:
            file["data"] = CUBE[2 * number : 2 * number + 2]
    media, name = "application/x-hdf5", "part_{:03d}.h5"
    return stream(f"{folder}/", media, dataset="data", template=name)


def write_tiff(folder: Path) -> Asset:
    tifffile.imwrite(folder / "cube.tif", CUBE, photometric="minisblack")
    return stream(folder / "cube.tif", "image/tiff")


def write_tiff_sequence(folder: Path) -> Asset:
    for number, frame in enumerate(CUBE):
        tifffile.imwrite(folder / f"img_{number:05}.tif", frame)
    media, name = "multipart/related;type=image/tiff", "img_{:05d}.tif"
    return stream(folder, media, template=name, chunk_shape=[1, 4, 5])


def write_tiff_pairs(folder: Path) -> Asset:
    for number in range(3):
        pair = CUBE[2 * number : 2 * number + 2]
        path = folder / f"pair_{number:06}.tif"
        tifffile.imwrite(path, pair, photometric="minisblack")
    media, name = "multipart/related;type=image/tiff", "%s%s_%6.6d.tif"
    return stream(folder, media, template=name, filename="pair")


def write_fits(folder: Path) -> Asset:
    units = [fits.PrimaryHDU(), fits.ImageHDU(CUBE.astype(">i4"))]
    fits.HDUList(units).writeto(folder / "cube.fits")
    return stream(folder / "cube.fits", "application/fits")


def write_fits_sequence(folder: Path) -> Asset:
    for number, frame in enumerate(CUBE):
        unit = fits.ImageHDU(frame, name="SCI")
        path = folder / f"img{number}.fits"
        fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)
    media, name = "multipart/related;type=image/fits", "img{}.fits"
    return stream(folder, media, template=name, extension="SCI")


WRITERS = [
    write_npy,
    write_fortran,
    write_npy_sequence,
    write_hdf5,
    write_hdf5_parts,
    write_tiff,
    write_tiff_sequence,
    write_tiff_pairs,
    write_fits,
    write_fits_sequence,
]


@pytest.mark.parametrize("write", WRITERS)
def test_frames_are_read_by_their_numbers(
    write: Callable[[Path], Asset], tmp_path: Path
) -> None:
    frames = AssetFiles([tmp_path]).open(write(tmp_path))
    dtype, shape = frames.kind(0)
    assert shape == (4, 5)
    assert np.dtype(dtype).kind in "iu"
    for begin, end in [(0, 6), (2, 3), (1, 5), (5, 6), (0, 1)]:
        found = frames.read(begin, end)
        assert found.shape == (end - begin, 4, 5)
        assert np.array_equal(found, CUBE[begin:end])
    with pytest.raises(AssetUnreadable, match="stream_resource s"):
        frames.read(5, 8)
    frames.close()


def datum(asset: Asset, **arguments: Any) -> Any:
    reader = AssetFiles()
    frames: Frames = reader.open(asset)
    begin, end = reader.span(asset, arguments)
    assert end >= 0 or frames.count is not None
    with closing(frames):
        return frames.read(begin, end if end >= 0 else frames.count or 0)


def test_the_specs_of_resources(tmp_path: Path) -> None:
    write_npy_sequence(tmp_path)
    asset = resource(tmp_path / "img", "NPY_SEQ")
    assert np.array_equal(datum(asset, index=3)[0], CUBE[3])
    write_npy(tmp_path)
    assert np.array_equal(datum(resource(tmp_path / "cube.npy", "NPY"))[0], CUBE)
    write_hdf5(tmp_path)
    asset = resource(tmp_path / "cube.h5", "AD_HDF5", frame_per_point=2)
    assert np.array_equal(datum(asset, point_number=1), CUBE[2:4])
    asset = resource(tmp_path / "cube.h5", "HDF5", path="entry/data/data")
    assert np.array_equal(datum(asset), CUBE)
    write_tiff_sequence(tmp_path)
    asset = resource(
        tmp_path,
        "AD_TIFF",
        template="%s%s_%5.5d.tif",
        filename="img",
        frame_per_point=3,
    )
    assert np.array_equal(datum(asset, point_number=1), CUBE[3:6])
    write_fits(tmp_path)
    asset = resource(tmp_path / "cube.fits", "FITS", hdu=1)
    assert np.array_equal(datum(asset)[0], CUBE)
    with pytest.raises(AssetUnreadable, match="is no frame"):
        datum(asset, point_number=-1)


def test_a_datum_names_its_frames_in_a_way_that_is_known(tmp_path: Path) -> None:
    write_hdf5(tmp_path)
    asset = resource(tmp_path / "cube.h5", "AD_HDF5", frame_per_point=2)
    found = datum(asset, indices={"start": 1, "stop": 3})
    assert np.array_equal(found, CUBE[2:6])
    for indices in ({"start": 1}, {"start": 2, "stop": 2}, {"start": -1, "stop": 1}, 3):
        with pytest.raises(AssetUnreadable, match="is no frame"):
            datum(asset, indices=indices)
    # All of the file in each row would be wrong data.
    with pytest.raises(AssetUnreadable, match=r"names no frame .*point_number"):
        datum(asset, row=1)
    # So would the first of the frames that a point has, or that of another dataset.
    for more in ({"frame": 1}, {"dataset": "/other"}):
        with pytest.raises(AssetUnreadable, match=r"by 'point_number', .* alone"):
            datum(asset, point_number=1, **more)


def test_an_extension_is_named_with_its_version(tmp_path: Path) -> None:
    path = tmp_path / "two.fits"
    units = [fits.ImageHDU(CUBE + n, name="SCI", ver=n) for n in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(path)
    asset = stream(path, "application/fits", extension=["SCI", 2])
    with closing(AssetFiles().open(asset)) as frames:
        assert (frames.read(0, 6) == CUBE + 2).all()


def test_files_of_several_frames_are_counted_by_the_first(tmp_path: Path) -> None:
    for number, pages in enumerate((CUBE[:2], CUBE[2:4], CUBE[4:5])):
        path = tmp_path / f"img_{number}.tif"
        tifffile.imwrite(path, pages, photometric="minisblack")
    media = "multipart/related;type=image/tiff"
    asset = stream(tmp_path, media, template="img_{:d}.tif")
    for begin in range(5):  # two is the number of the last file, which has a frame less
        with closing(AssetFiles().open(asset)) as frames:
            assert (frames.read(begin, 5) == CUBE[begin:5]).all()


def test_numbers_text_and_scalars_of_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["scalar"] = 5.5
        file["group/one"] = [1, 2, 3]
        file["text"] = "\u00b5"
        file["nothing"] = h5py.Empty("f4")
        triples = np.arange(12, dtype="f4").reshape(4, 3)
        file.create_dataset("triples", (4,), np.dtype(("f4", (3,))))[:] = triples
    frames = AssetFiles().open(
        stream(tmp_path / "a.h5", "application/x-hdf5", dataset="scalar")
    )
    assert frames.read(0, 1).tolist() == [5.5]
    asset = stream(tmp_path / "a.h5", "application/x-hdf5", dataset="text")
    with closing(AssetFiles().open(asset)) as frames:
        assert frames.read(0, 1).tolist() == ["\u00b5".encode()]
    asset = stream(tmp_path / "a.h5", "application/x-hdf5", dataset="triples")
    with closing(AssetFiles().open(asset)) as frames:
        assert frames.kind(0) == (np.dtype("f4"), (3,))
        assert (frames.read(1, 4) == triples[1:]).all()
    for name in ("group", "none", "group/one/two", "nothing"):
        asset = stream(tmp_path / "a.h5", "application/x-hdf5", dataset=name)
        with pytest.raises(AssetUnreadable, match="dataset"):
            AssetFiles().open(asset)


@given(
    st.lists(
        st.integers(-5, 4) | st.slices(5).filter(lambda one: (one.step or 1) > 0),
        max_size=3,
    )
)
def test_a_part_of_frames_is_what_numpy_takes(axes: list[int | slice]) -> None:
    frame = np.arange(5 * 5 * 5).reshape(5, 5, 5)
    texts = [
        str(one) if isinstance(one, int) else f"{one.start}:{one.stop}:{one.step}"
        for one in axes
    ]
    texts = [one.replace("None", "") for one in texts]
    for given_as in (",".join([":", *texts]), [":", *texts]):
        found = axes_of_frames(given_as)
        assert found == tuple(axes)
        assert part_of(frame.shape, found) == frame[tuple(axes)].shape


@pytest.mark.parametrize("text", ["0", "1:,0", ":,...", ":,a", ":,::0", ":,0,0,0", "("])
def test_a_slice_that_is_none_names_the_parameter(text: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = CUBE
    told = {"dataset": "data", "slice": text}
    asset = stream(tmp_path / "a.h5", "application/x-hdf5", **told)
    with pytest.raises(AssetUnreadable, match="slice"):
        AssetFiles().open(asset)
    whole = stream(tmp_path / "a.h5", "application/x-hdf5", dataset="data")
    assert AssetFiles().origin(whole) is not None
    part = stream(tmp_path / "a.h5", "application/x-hdf5", dataset="data", slice=":,0")
    assert AssetFiles().origin(part) is None


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"", "application/x-npy"),
        (b"\x93NUMPY\x01\x00", "application/x-npy"),
        (b"nonsense", "application/x-hdf5"),
        (b"nonsense", "image/tiff"),
        (b"nonsense", "image/fits"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "application/x-hdf5"),
        (b"II*\x00\xff\xff\xff\xff", "image/tiff"),
    ],
)
def test_what_is_no_such_file_says_so(
    content: bytes, media: str, tmp_path: Path
) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    asset = stream(path, media, dataset="data")
    with (
        pytest.raises(AssetUnreadable, match=r"stream_resource s: .*odd"),
        closing(AssetFiles().open(asset)) as frames,
    ):
        frames.read(0, 1)


def test_a_cut_array_and_python_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CUBE)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-100])
    frames = AssetFiles().open(stream(tmp_path / "a.npy", "application/x-npy"))
    assert np.array_equal(frames.read(0, 2), CUBE[:2])
    with pytest.raises(AssetUnreadable, match="cut"):
        frames.read(4, 6)
    frames.close()
    np.save(tmp_path / "o.npy", np.array([{}, 1], dtype=object))
    with pytest.raises(AssetUnreadable, match="Python objects"):
        AssetFiles().open(stream(tmp_path / "o.npy", "application/x-npy"))


def test_an_unknown_format_names_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(AssetUnreadable, match=r"/mimetype: .*'image/x-odd'") as told:
        AssetFiles().open(stream(tmp_path / "x", "image/x-odd"))
    assert "AD_HDF5" in told.value.mend
    with pytest.raises(AssetUnreadable, match="/spec"):
        AssetFiles().open(resource(tmp_path / "x", "ODD"))
