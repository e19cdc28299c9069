"""Images in FITS files: the rows of a cube, or all of it as one frame."""

from pathlib import Path
from typing import Any

from quire.assets.sequence import MOST_BYTES, WholeArray
from quire.ports.asset_reader import Frames


class FitsFrames:
    """The slowest axis of an image, read in sections."""

    even = True

    def __init__(self, file: Any, image: Any) -> None:
        self._file, self._image = file, image
        self.count = int(image.shape[0])

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of a frame."""
        found = self._image.section[at : at + 1]
        return found.dtype, tuple(found.shape[1:])

    def read(self, begin: int, end: int) -> Any:
        """Return frames, fewer where there are not so many."""
        return self._image.section[begin : min(end, self.count)]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_fits(
    path: Path, extension: int | str | tuple[str, int] | None, *, one_frame: bool
) -> Frames:
    """Return the frames of an image.

    Parameters
    ----------
    extension
        Number or name of the header data unit, or name and version; None for the first
        with an image.

    Raises
    ------
    ValueError, OSError, KeyError, IndexError
        There is no such image.
    """
    from astropy.io import fits

    # Not mapped: see quire.assets.npy.
    file = fits.open(path, memmap=False, lazy_load_hdus=True)
    try:
        image = _image(file, extension)
        if one_frame:
            if image.size > MOST_BYTES:
                raise ValueError(f"an image of shape {image.shape} is too large")
            whole = WholeArray(image.data, one_frame=True)
            file.close()
            return whole
        return FitsFrames(file, image)
    except BaseException:
        file.close()
        raise


def _image(file: Any, extension: int | str | tuple[str, int] | None) -> Any:
    units = file if extension is None else [file[extension]]
    for unit in units:
        if unit.is_image and unit.shape:
            return unit
    raise ValueError("it holds no image there")
