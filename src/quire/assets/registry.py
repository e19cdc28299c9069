"""`quire.ports.asset_reader.AssetReader`: the formats by the names documents use."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from quire.assets.confine import Confinement
from quire.assets.fits import open_fits
from quire.assets.hdf5 import open_hdf5, origin_of
from quire.assets.npy import open_npy
from quire.assets.sequence import FileSequence
from quire.assets.slicing import Axis, axes_of_frames
from quire.assets.template import file_name
from quire.assets.tiff import open_tiff
from quire.ports.asset_reader import AssetUnreadable, Frames, Origin
from quire.runs.columns.external import Asset
from quire.runs.values import as_integer


class Format(Enum):
    """How files are read."""

    NPY = "npy"
    HDF5 = "hdf5"
    TIFF = "tiff"
    FITS = "fits"


# Of stream_resources the media types that ophyd-async and bluesky's consolidators use;
# of resources the specs of ophyd.sim and of area-detector-handlers.
FORMATS: Mapping[str, Format] = {
    "application/x-npy": Format.NPY,
    "multipart/related;type=application/x-npy": Format.NPY,
    "application/x-hdf5": Format.HDF5,
    "image/tiff": Format.TIFF,
    "multipart/related;type=image/tiff": Format.TIFF,
    "application/fits": Format.FITS,
    "image/fits": Format.FITS,
    "multipart/related;type=application/fits": Format.FITS,
    "multipart/related;type=image/fits": Format.FITS,
    "NPY": Format.NPY,
    "NPY_SEQ": Format.NPY,
    "HDF5": Format.HDF5,
    "AD_HDF5": Format.HDF5,
    "AD_HDF5_SWMR": Format.HDF5,
    "TIFF": Format.TIFF,
    "AD_TIFF": Format.TIFF,
    "FITS": Format.FITS,
}
_TEMPLATES = {
    "NPY_SEQ": "_{}.npy",
    "multipart/related;type=application/x-npy": "_{}.npy",
}
_DATASETS = {"AD_HDF5": "/entry/data/data", "AD_HDF5_SWMR": "/entry/data/data"}
_PLACES = ("point_number", "index", "frame", "indices")
_HDU = ("hdu", "extension", "ext")
_MOST_FRAMES_A_ROW = 1_000_000
_MOST_FRAMES = 10**12


class AssetFiles:
    """Reads external data from local files.

    Parameters
    ----------
    roots, moved
        As for `quire.assets.confine.Confinement`.
    """

    def __init__(
        self, roots: Sequence[Path] = (), moved: Mapping[str, str] | None = None
    ) -> None:
        self._confinement = Confinement(roots, moved or {})
        self._one_at_a_time = Lock()

    def open(self, asset: Asset) -> Frames:
        """Return all frames of an asset."""
        kind = _format(asset)
        path = self._confinement.named(asset)
        template = asset.parameters.get("template") or _TEMPLATES.get(asset.format)
        if template is None:
            return _Guarded(asset, path, self._open_file(asset, kind, path))

        def open_one(number: int) -> Frames:
            one = _file_of(asset, path, str(template), number)
            return self._open_file(asset, kind, one, of_many=True)

        return _Guarded(asset, path, FileSequence(asset, open_one))

    def span(self, asset: Asset, arguments: Mapping[str, Any]) -> tuple[int, int]:
        """Return the range of frames that a datum stands for."""
        _format(asset)
        if not arguments:
            return 0, -1
        begin, end = _rows_of(asset, arguments)
        each = self.frames_a_row(asset) or 1
        return begin * each, end * each

    def frames_a_row(self, asset: Asset) -> int | None:
        """Return how many frames the asset says that a row has; None for nothing."""
        for name in ("frame_per_point", "multiplier"):
            told = as_integer(asset.parameters.get(name), most=_MOST_FRAMES_A_ROW)
            if told is not None and told > 0:
                return told
        return None

    def origin(self, asset: Asset) -> Origin | None:
        """Return the one HDF5 dataset that an asset is; None where it is none."""
        given = asset.parameters
        if _format(asset) is not Format.HDF5 or given.get("template") or _axes(asset):
            return None
        real = self._confinement.checked(asset, self._confinement.named(asset))
        allow = partial(self._confinement.checked, asset)
        try:
            with self._one_at_a_time:
                return origin_of(real, _dataset_name(asset), allow)
        except Exception as error:  # parsers of foreign files raise anything
            raise _unreadable(asset, str(real), error) from error

    def _open_file(
        self, asset: Asset, kind: Format, path: str, *, of_many: bool = False
    ) -> Frames:
        real = self._confinement.checked(asset, path)
        given = asset.parameters
        with_frames: Callable[[], Frames]
        match kind:
            case Format.NPY:
                with_frames = partial(
                    open_npy, real, one_frame=of_many or _alone(asset)
                )
            case Format.TIFF:
                with_frames = partial(open_tiff, real)
            case Format.FITS:
                unit = next((given[one] for one in _HDU if one in given), None)
                if isinstance(unit, list):
                    unit = tuple(unit)  # name and version: JSON has no other
                alone = of_many or _alone(asset)
                with_frames = partial(open_fits, real, unit, one_frame=alone)
            case Format.HDF5:
                with_frames = partial(
                    open_hdf5,
                    real,
                    _dataset_name(asset),
                    one_at_a_time=self._one_at_a_time,
                    allow=partial(self._confinement.checked, asset),
                    axes=_axes(asset),
                )
        try:
            return with_frames()
        except Exception as error:  # parsers of foreign files raise anything
            raise _unreadable(asset, path, error) from error


class _Guarded:
    """Frames whose failures name the asset."""

    def __init__(self, asset: Asset, path: str, frames: Frames) -> None:
        self._asset, self._path, self._frames = asset, path, frames

    @property
    def count(self) -> int | None:
        return self._frames.count

    @property
    def even(self) -> bool | None:
        return self._frames.even

    def kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        try:
            return self._frames.kind(at)
        except Exception as error:  # parsers of foreign files raise anything
            raise _unreadable(self._asset, self._path, error) from error

    def read(self, begin: int, end: int) -> Any:
        try:
            found = self._frames.read(begin, end)
        except Exception as error:  # parsers of foreign files raise anything
            raise _unreadable(self._asset, self._path, error) from error
        if len(found) < end - begin:
            there = begin + len(found)
            reason = f"has no frames {there} to {end - 1}"
            raise AssetUnreadable(self._asset, "/", reason, path=self._path)
        return found

    def close(self) -> None:
        self._frames.close()


def _format(asset: Asset) -> Format:
    name = asset.format.replace(" ", "")
    found = FORMATS.get(name) or FORMATS.get(name.partition(";")[0])
    if found is None:
        known = ", ".join(FORMATS)
        field = "/spec" if asset.document == "resource" else "/mimetype"
        raise AssetUnreadable(
            asset, field, f"{asset.format[:100]!r} is unknown", mend=f"one of {known}"
        )
    return found


def _rows_of(asset: Asset, arguments: Mapping[str, Any]) -> tuple[int, int]:
    """Return the rows of its asset that a datum names, half-open."""
    field, mend = "/datum_kwargs", f"one of {', '.join(_PLACES)}"
    named = [one for one in _PLACES if one in arguments]
    if not named:
        raise AssetUnreadable(asset, field, "names no frame", mend=mend)
    if len(arguments) > 1:
        # What they say together only a handler of the facility's own knows.
        given = ", ".join(map(repr, arguments))[:100]
        reason = f"names a frame by {given} together"
        raise AssetUnreadable(asset, field, reason, mend=f"{mend}, alone")
    place = arguments[named[0]]
    if named == ["indices"]:  # as of a stream_datum
        ends = place if isinstance(place, Mapping) else {}
        begin, end = (
            as_integer(ends.get(name), most=_MOST_FRAMES) for name in ("start", "stop")
        )
    else:
        begin = as_integer(place, most=_MOST_FRAMES)
        end = None if begin is None else begin + 1
    if begin is None or end is None or not 0 <= begin < end:
        raise AssetUnreadable(asset, field, f"{repr(place)[:40]} is no frame")
    return begin, end


def _alone(asset: Asset) -> bool:
    """Return whether the file is one value: a resource's that has no frames in it."""
    return asset.document == "resource"


def _dataset_name(asset: Asset) -> str:
    given = asset.parameters
    for name in ("dataset", "path", "key"):
        if isinstance(given.get(name), str):
            return str(given[name])
    if asset.format in _DATASETS:
        return _DATASETS[asset.format]
    field = "/resource_kwargs" if asset.document == "resource" else "/parameters"
    raise AssetUnreadable(asset, f"{field}/dataset", "names no dataset")


def _axes(asset: Asset) -> tuple[Axis, ...]:
    given = asset.parameters.get("slice")
    if asset.document == "resource" or not given:
        return ()
    try:
        return axes_of_frames(given)
    except ValueError as error:
        raise AssetUnreadable(asset, "/parameters/slice", str(error)) from None


def _file_of(asset: Asset, path: str, template: str, number: int) -> str:
    name = str(asset.parameters.get("filename", ""))
    try:
        tail = file_name(template, number, filename=name)
    except ValueError as error:
        raise AssetUnreadable(asset, "/parameters/template", str(error)) from None
    # areaDetector's templates begin with the path, and it ends with a slash; else the
    # uri may be a folder, or a path that the names of the files begin with.
    in_folder = template.startswith("%s%s") or Path(path).is_dir()
    if in_folder and not path.endswith("/"):
        path += "/"
    return path + (tail.lstrip("/") if path.endswith("/") else tail)


def _unreadable(asset: Asset, path: str, error: Exception) -> Exception:
    if isinstance(error, AssetUnreadable):
        return error
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return AssetUnreadable(asset, "/", f"cannot be read: {reason[:300]}", path=path)
