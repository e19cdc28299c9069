"""TIFF files: a page is a frame."""

from pathlib import Path
from typing import Any


class TiffFrames:
    """The pages of one file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.count = len(file.pages)
        self.even = True if self.count == 1 else None

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of a frame."""
        page = self._file.pages[min(at, self.count - 1)]
        return page.dtype, tuple(page.shape)

    def read(self, begin: int, end: int) -> Any:
        """Return frames, fewer where there are not so many."""
        import numpy as np

        pages = range(begin, min(end, self.count))
        if not pages:
            return np.empty((0, *self._file.pages[0].shape), self._file.pages[0].dtype)
        return np.stack([self._file.pages[number].asarray() for number in pages])

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_tiff(path: Path) -> TiffFrames:
    """Return the frames of a file.

    Raises
    ------
    ValueError, OSError
        It is no such file.
    """
    import tifffile

    file = tifffile.TiffFile(path)
    try:
        return TiffFrames(file)
    except BaseException:
        file.close()
        raise
