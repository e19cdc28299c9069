"""Data that instruments wrote in files of their own."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from quire.errors import InputError
from quire.runs.columns.external import Asset


class AssetUnreadable(InputError):
    """External data that cannot be read; what else the run holds can.

    Parameters
    ----------
    asset
        What the document says.
    field
        The document's member that leads nowhere.
    reason
        What is wrong with it.
    path
        The file, where one is known.
    root
        The root that it should lie in, where that is the matter.
    """

    def __init__(
        self,
        asset: Asset,
        field: str,
        reason: str,
        *,
        mend: str = "",
        path: str = "",
        root: str = "",
    ) -> None:
        self.asset = asset
        self.path = path
        self.root = root
        named = f"{asset.document}{asset.uid and ' '}{asset.uid}: "
        place = f" at {path}" if path and path not in reason else ""
        below = f" (root {root})" if root else ""
        super().__init__(field, f"{named}{reason}{place}{below}", mend)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset in an HDF5 file.

    Attributes
    ----------
    file
        Its absolute path.
    size, modified
        Of the file: bytes, and nanoseconds since 1970.
    """

    file: str
    dataset: str
    shape: tuple[int, ...]
    size: int
    modified: int


class Frames(Protocol):
    """An open row of frames: arrays one behind the other."""

    @property
    def count(self) -> int | None:
        """How many there are; None where only a read can tell."""
        ...

    @property
    def even(self) -> bool | None:
        """Whether all have one shape; None where only a look at each can tell."""
        ...

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return the NumPy dtype and the shape of the frame at a place."""
        ...

    def read(self, begin: int, end: int) -> Any:
        """Return the frames from `begin` until before `end`, along a first axis.

        No more than these are read where the format allows it. Frames of unlike shapes
        come one at a time.
        """
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class AssetReader(Protocol):
    """Reads the files that documents name.

    Guarantees
    ----------
    - No file outside the declared roots is opened, by whatever way it is named:
      ``..``, symbolic links, links inside a file.
    - Nothing is written, and no lock is taken that a writer would meet.
    - What cannot be read raises `AssetUnreadable`, from any method, also of `Frames`.
    - All methods block.
    """

    def open(self, asset: Asset) -> Frames:
        """Return all frames of an asset."""
        ...

    def span(self, asset: Asset, arguments: Mapping[str, Any]) -> tuple[int, int]:
        """Return the half-open range of frames that a datum stands for.

        An end of -1 is the last frame.

        Parameters
        ----------
        arguments
            Its `datum_kwargs`.
        """
        ...

    def frames_a_row(self, asset: Asset) -> int | None:
        """Return how many frames the asset says that a row has; None for nothing."""
        ...

    def origin(self, asset: Asset) -> Origin | None:
        """Return the one HDF5 dataset that an asset is; None where it is none."""
        ...
