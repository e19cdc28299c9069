"""HDF5 files that are being written, or are said to be."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.assets.test_readers import CUBE, stream

from quire.assets.registry import AssetFiles
from quire.ports.asset_reader import AssetUnreadable

WRITER = """
import sys, h5py
with h5py.File(sys.argv[1], "w", libver="latest") as file:
    data = file.create_dataset("data", (2, 3), "i4", maxshape=(None, 3))
    data[:] = 1
    file.swmr_mode = True
    for _ in sys.stdin:
        data.flush()
        print("written", flush=True)
        data.resize((3, 3))
        data[2] = 7
"""


@contextmanager
def writing(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Have a file written: two rows, and another one each time it is to go on."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        go_on(writer)
        yield writer


def go_on(writer: "subprocess.Popen[str]") -> None:
    assert writer.stdout is not None
    print(file=writer.stdin, flush=True)
    assert writer.stdout.readline() == "written\n"


@pytest.mark.parametrize("told", [{"swmr": True}, {"swmr": False}, {}])
def test_a_file_that_is_being_written_is_read_on(
    tmp_path: Path, told: dict[str, bool]
) -> None:
    path = tmp_path / "live.h5"
    with writing(path) as writer:
        asset = stream(path, "application/x-hdf5", dataset="data", **told)
        frames = AssetFiles().open(asset)
        assert frames.read(0, 2).tolist() == [[1] * 3] * 2
        with pytest.raises(AssetUnreadable, match="no frames 2 to 2"):
            frames.read(2, 3)
        go_on(writer)
        assert frames.read(2, 3).tolist() == [[7] * 3]
        frames.close()
        with pytest.raises(AssetUnreadable, match="being written"):
            AssetFiles().origin(asset)


def test_readers_of_a_file_that_is_being_written_do_not_meet(tmp_path: Path) -> None:
    """HDF5 keeps what one of them read for all, and spoils it when one has closed."""
    path = tmp_path / "live.h5"
    with writing(path) as writer:
        files = AssetFiles()
        asset = stream(path, "application/x-hdf5", dataset="data")
        first = files.open(asset)
        assert first.read(0, 2).tolist() == [[1] * 3] * 2
        go_on(writer)
        second = files.open(asset)
        assert (first.count, second.count) == (2, 3)
        assert second.read(0, 1).tolist() == [[1] * 3]
        first.close()
        assert second.read(2, 3).tolist() == [[7] * 3]
        second.close()


def test_readers_of_a_file_that_is_said_to_be_written_do_not_meet(
    tmp_path: Path,
) -> None:
    """Documents say so of files in a form that HDF5 cannot read while they grow."""
    path = tmp_path / "cube.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=CUBE, chunks=(4, 2, 5))
    files = AssetFiles()
    asset = stream(path, "application/x-hdf5", dataset="data", swmr=True)
    first, second = files.open(asset), files.open(asset)
    assert np.array_equal(first.read(0, 6), CUBE)
    assert np.array_equal(second.read(0, 1), CUBE[:1])
    first.close()
    assert np.array_equal(second.read(0, 6), CUBE)
    second.close()


def test_what_a_killed_writer_left_is_read(tmp_path: Path) -> None:
    path = tmp_path / "live.h5"
    with writing(path) as writer:
        writer.kill()
    asset = stream(path, "application/x-hdf5", dataset="data")
    with closing(AssetFiles().open(asset)) as frames:
        assert frames.read(0, 2).tolist() == [[1] * 3] * 2
