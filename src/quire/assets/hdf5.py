"""Datasets in HDF5 files, also while they are written (SWMR).

Links to other files, virtual datasets and external storage are followed only to files
that may be read: HDF5 itself would open whatever a file names.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

from quire.assets.sequence import WholeArray
from quire.assets.slicing import Axis, part_of
from quire.ports.asset_reader import Frames, Origin

_MOST_LINKS = 8

Allow = Callable[[str], Path]


class Hdf5Frames:
    """The first axis of a dataset.

    Parameters
    ----------
    axes
        The part of each frame that is wanted.
    """

    def __init__(self, file: Any, dataset: Any, axes: tuple[Axis, ...]) -> None:
        self._file, self._dataset = file, dataset
        # Of elements that are arrays (H5T_ARRAY), h5py makes further axes.
        self._dtype, inner = dataset.dtype.subdtype or (dataset.dtype, ())
        self._axes, own = axes, part_of(tuple(dataset.shape[1:]), axes)
        self._frame = (*own, *inner)
        self.count = int(dataset.shape[0])
        self._of_lists = _element_of_lists(dataset)
        self.even = self._of_lists is None

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of a frame."""
        if self._of_lists is not None:
            return self._of_lists, tuple(self._dataset[at].shape)
        return self._dtype, self._frame

    def read(self, begin: int, end: int) -> Any:
        """Return frames, fewer where there are not so many."""
        return self._dataset[(slice(begin, end), *self._axes)]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class LiveFrames:
    """The first axis of a dataset that is being written, opened anew for each look.

    All that one process has open of such a file shares what HDF5 read of it: one
    reader would not see the rows that came since another began, and once one has
    closed it others fail or get other rows' values.

    Parameters
    ----------
    look
        Opens the dataset, and closes it.
    """

    def __init__(self, look: Callable[[], AbstractContextManager[Frames]]) -> None:
        self._look = look
        with look() as found:
            self.count, self.even = found.count, found.even

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of a frame."""
        with self._look() as found:
            return found.kind(at)

    def read(self, begin: int, end: int) -> Any:
        """Return frames, fewer where there are not so many by now."""
        with self._look() as found:
            self.count = found.count
            return found.read(begin, end)

    def close(self) -> None:
        """Do nothing: it is closed."""


def open_hdf5(
    path: Path,
    dataset: str,
    *,
    one_at_a_time: AbstractContextManager[Any],
    allow: Allow,
    axes: tuple[Axis, ...] = (),
) -> Frames:
    """Return the frames of a dataset.

    Parameters
    ----------
    one_at_a_time
        Keeps others from opening files.
    axes
        The part of each frame that is wanted; all of it by default.
    allow
        Returns the path of a file that this one leads to, if it may be read.

    Raises
    ------
    ValueError, OSError, KeyError
        There is no such dataset.
    """

    @contextlib.contextmanager
    def look() -> Iterator[Frames]:
        with (
            one_at_a_time,
            contextlib.closing(_opened(path, dataset, axes, allow)[0]) as found,
        ):
            yield found

    with one_at_a_time:
        frames, is_live = _opened(path, dataset, axes, allow)
        if is_live:
            frames.close()
    return LiveFrames(look) if is_live else frames


def _opened(
    path: Path, dataset: str, axes: tuple[Axis, ...], allow: Allow
) -> tuple[Frames, bool]:
    """Return the frames of a dataset, and whether it is being written."""
    file = _file(path)
    try:
        file, found = _dataset(file, dataset, allow=allow)
        _check_storage(found, allow)
        if found.shape:
            return Hdf5Frames(file, found, axes), bool(file.swmr_mode)
        whole = WholeArray(_alone(found), one_frame=True)
        file.close()
    except BaseException:
        file.close()
        raise
    return whole, False


def origin_of(path: Path, dataset: str, allow: Allow) -> Origin:
    """Return where a dataset lies, behind all links.

    Raises
    ------
    ValueError, OSError, KeyError
        There is no such dataset, or it lies outside HDF5's own files.
    """
    file, found = _dataset(_file(path), dataset, allow=allow)
    with file:
        if file.swmr_mode:
            raise ValueError("is being written, or was when its writer ended")
        if not found.shape or found.external or found.is_virtual:
            raise ValueError(f"{dataset!r} is no plain dataset")
        status = Path(file.filename).stat()
        return Origin(
            file=str(Path(file.filename).resolve()),
            dataset=str(found.name),
            shape=tuple(found.shape),
            size=status.st_size,
            modified=status.st_mtime_ns,
        )


def _file(path: Path) -> Any:
    import h5py  # type: ignore[import-untyped]

    with contextlib.suppress(ImportError):
        import_module("hdf5plugin")  # registers the filters that detectors use
    try:
        return h5py.File(path, "r", locking=False)
    except OSError:
        # Marked as being written, by a writer that goes on or that was killed: HDF5 opens
        # such a file no other way. The mark tells, not the documents: ophyd-async's never
        # do, and others say it of files that HDF5 cannot read so while they grow.
        with contextlib.suppress(OSError, ValueError):
            return h5py.File(path, "r", libver="latest", swmr=True, locking=False)
        raise


def _dataset(file: Any, name: str, *, allow: Allow) -> tuple[Any, Any]:
    """Return a dataset and the file that it lies in, each link looked at first."""
    import h5py

    here: Any = file
    parts = [part for part in name.split("/") if part]
    links = 0
    while parts:
        link = here.get(parts[0], getlink=True) if hasattr(here, "keys") else None
        if link is None:
            raise KeyError(f"there is no dataset {name!r}")
        links += not isinstance(link, h5py.HardLink)
        if links > _MOST_LINKS:
            raise ValueError(f"{name!r} is linked too often")
        if isinstance(link, h5py.ExternalLink):
            other = _file(allow(_beside(file, link.filename)))
            file.close()
            file = here = other
            parts = [*_parts(link.path), *parts[1:]]
        elif isinstance(link, h5py.SoftLink):
            here = file if link.path.startswith("/") else here
            parts = [*_parts(link.path), *parts[1:]]
        else:
            here = here[parts.pop(0)]
    if not isinstance(here, h5py.Dataset):
        raise KeyError(f"{name!r} is no dataset")
    return file, here


def _element_of_lists(dataset: Any) -> Any:
    """Return the dtype within, where each element is an array of its own length.

    None for all other datasets; text, too, has a length of its own.
    """
    import h5py
    import numpy as np

    within = h5py.check_vlen_dtype(dataset.dtype) if dataset.ndim == 1 else None
    return within if isinstance(within, np.dtype) else None


def _alone(dataset: Any) -> Any:
    """Return a dataset without axes as an array; h5py gives text as Python's bytes."""
    import numpy as np

    if dataset.shape is None:
        raise ValueError("the dataset holds nothing")
    base, inner = dataset.dtype.subdtype or (dataset.dtype, ())
    return np.asarray(dataset[()], base).reshape(inner)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _check_storage(dataset: Any, allow: Allow) -> None:
    named = [name for name, *_ in dataset.external or ()]
    if dataset.is_virtual:
        named += [one.file_name for one in dataset.virtual_sources()]
    for name in set(named) - {"."}:
        allow(_beside(dataset.file, name))


def _beside(file: Any, name: str) -> str:
    return str(Path(file.filename).parent / name)
