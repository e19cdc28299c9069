"""NumPy's .npy files (NEP 1), read without mapping them into memory.

A mapped file that its writer cuts would end the process by SIGBUS.
"""

import math
from pathlib import Path
from typing import Any, BinaryIO

from quire.assets.sequence import MOST_BYTES, WholeArray
from quire.ports.asset_reader import Frames

_LATIN = 2


class NpyFrames:
    """The rows of an array in C order."""

    even = True

    def __init__(
        self, file: BinaryIO, dtype: Any, shape: tuple[int, ...], offset: int
    ) -> None:
        self._file, self._dtype, self._offset = file, dtype, offset
        self._shape = shape[1:]
        self.count = shape[0]

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of a frame."""
        del at
        return self._dtype, self._shape

    def read(self, begin: int, end: int) -> Any:
        """Return frames, fewer where there are not so many."""
        import numpy as np

        size = math.prod(self._shape)
        end = min(end, self.count)
        self._file.seek(self._offset + begin * size * self._dtype.itemsize)
        count = max(0, end - begin)
        values = np.fromfile(self._file, self._dtype, count * size)
        if values.size < count * size:
            raise ValueError("the file is cut")
        return values.reshape(count, *self._shape)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_npy(path: Path, *, one_frame: bool) -> Frames:
    """Return the frames of a file: its rows, or all of it as one.

    Raises
    ------
    ValueError, OSError
        It is no such file, is cut, or holds Python objects.
    """
    from numpy.lib import format as npy

    file = path.open("rb")
    try:
        major, _ = npy.read_magic(file)
        read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        if one_frame and math.prod(shape) * dtype.itemsize > MOST_BYTES:
            raise ValueError(f"an array of shape {shape} is too large")
        # Version 3 has names beyond Latin-1, which NumPy reads right with the array alone.
        if one_frame or fortran or not shape or major > _LATIN:
            file.seek(0)
            whole = npy.read_array(file, allow_pickle=False)
            file.close()
            return WholeArray(whole, one_frame=one_frame)
        return NpyFrames(file, dtype, shape, file.tell())
    except BaseException:
        file.close()
        raise
