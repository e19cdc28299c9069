"""Frames over many files of one kind, and over what one file holds."""

from collections.abc import Callable
from typing import Any

from quire.ports.asset_reader import AssetUnreadable, Frames
from quire.runs.columns.external import Asset

MOST_BYTES = 1024**3
"""An array that is read as a whole may have so many."""


class FileSequence:
    """Frames of numbered files; of several frames a file, all have as many.

    Parameters
    ----------
    open_file
        Opens the file of a number.
    """

    even = None

    def __init__(self, asset: Asset, open_file: Callable[[int], Frames]) -> None:
        self._asset = asset
        self._open_file = open_file
        self._opened: tuple[int, Frames] | None = None
        self._a_file = 0
        self.count = None

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of a frame."""
        number, place = self._place(at)
        return self._file(number).kind(place)

    def read(self, begin: int, end: int) -> Any:
        """Return frames."""
        import numpy as np

        parts, at = [], begin
        while at < end:
            number, place = self._place(at)
            taken = min(end - at, self._a_file - place)
            parts.append(self._file(number).read(place, place + taken))
            at += taken
        if len({(part.dtype, part.shape[1:]) for part in parts}) > 1:
            raise AssetUnreadable(self._asset, "/", "its files differ in shape or type")
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def _place(self, at: int) -> tuple[int, int]:
        if not self._a_file:
            try:
                found = self._file(0)  # any other may be the last, with fewer frames
            except AssetUnreadable:
                if not at:
                    raise
                found = self._file(at)
            self._a_file = max(found.count or 1, 1)
        return divmod(at, self._a_file)

    def _file(self, number: int) -> Frames:
        if self._opened is None or self._opened[0] != number:
            self.close()
            self._opened = number, self._open_file(number)
        return self._opened[1]


class WholeArray:
    """One array in memory, as frames along its first axis or as one frame."""

    even = True

    def __init__(self, array: Any, *, one_frame: bool) -> None:
        self._array = array[None] if one_frame or array.ndim == 0 else array
        self.count = int(self._array.shape[0])

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of a frame."""
        del at
        return self._array.dtype, self._array.shape[1:]

    def read(self, begin: int, end: int) -> Any:
        """Return frames, fewer where there are not so many."""
        return self._array[begin:end]

    def close(self) -> None:
        """Let go of the array."""
        self._array = self._array[:0]
