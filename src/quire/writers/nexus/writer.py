"""NeXus in HDF5: projection keys are paths (NeXus manual, "Physical File format").

Beside each variable that misses rows stands ``<name>_missing``; text that is JSON is
marked by the attribute ``encoding``. Groups that a key implies get their `NX_class`
from what the run says of their device, else from their name. A data key that stands
at several places is written once and linked to (NeXus manual, "Links").
"""

from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

from quire.actions.versions import version_of
from quire.products.projection.arrays import (
    has_inner_gaps,
    leaf_of,
    shape_of,
    unpacked,
)
from quire.products.projection.contents import Block, Contents, Scalar, Variable
from quire.products.projection.executing import EntryLost
from quire.products.projection.resolving import segments
from quire.writers.nexus.plot import link, mark_default, mark_plot
from quire.writers.nexus.virtual import virtual

# The base classes of the NeXus definitions that a group's name commonly tells.
CLASSES = {
    name: f"NX{name}"
    for name in [
        "aperture",
        "attenuator",
        "beam",
        "beam_stop",
        "bending_magnet",
        "collimator",
        "collection",
        "crystal",
        "data",
        "detector",
        "disk_chopper",
        "environment",
        "filter",
        "geometry",
        "grating",
        "guide",
        "insertion_device",
        "instrument",
        "log",
        "mirror",
        "monitor",
        "monochromator",
        "note",
        "positioner",
        "process",
        "sample",
        "sensor",
        "source",
        "transformations",
        "user",
    ]
}
_TEXTS = ("string", "large_string")
_HELD = "booleans, integers, floats, text, arrays of these of one shape, ragged rows"
TIMES = "streams"


class NexusWriter:
    """Writes HDF5 that NeXus readers open (`quire.ports.product_writer`)."""

    format = "nexus"
    suffix = (".nxs", "application/x-hdf5")

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what writes it."""
        import h5py  # type: ignore[import-untyped]

        return {"h5py": version_of("h5py"), "hdf5": h5py.version.hdf5_version}

    def refusal(self, one: Variable | Scalar, contents: Contents) -> str:
        """Return why the format does not hold something; empty if it does."""
        del contents
        parts = segments(one.key)
        if "\0" in "".join(_words(one)):
            return "HDF5 holds no text with a NUL character in it"
        if len(parts) > 1 and parts[:2] == (_entry_name([parts]), TIMES):
            return f"{TIMES!r} holds the times of the streams"
        if isinstance(one, Scalar):
            return ""
        return "" if _stored(one) else f"NeXus holds {_HELD}; this is {one.type}"

    def create(self, path: Path, contents: Contents) -> "NexusSheet":
        """Begin a file."""
        return NexusSheet(path, contents)


class NexusSheet:
    """An open HDF5 file."""

    def __init__(self, path: Path, contents: Contents) -> None:
        import h5py

        # Without times: the same product has the same bytes.
        self._file: Any = h5py.File(path, "x", libver=("earliest", "v110"))
        self._contents = contents
        self._missing: dict[str, Any] = {}
        self._written: dict[tuple[str, tuple[str, ...]], str] = {}
        self._links: set[str] = set()
        self._times: dict[str, Any] = {}
        keys = [one.key for one in contents.variables]
        keys += [one.key for one in contents.scalars]
        keys += contents.reduced
        self._entry = _entry_name([segments(key) for key in keys])
        try:
            self._lay_out()
        except BaseException:
            self.abandon()
            raise

    def write(self, block: Block) -> None:
        """Write rows."""
        end = block.begin + len(block.seq_num)
        times = self._times[block.stream]
        times["seq_num"][block.begin : end] = block.seq_num
        times["time"][block.begin : end] = block.time
        for key, array in block.columns.items():
            if key in self._links:
                continue
            self._write_rows(key, array, block.begin, end)

    def finish(self, reduced: Sequence[Scalar]) -> None:
        """Write what was known last, the default plot, and close."""
        for scalar in reduced:
            self._put(scalar)
        for variable in self._contents.variables:
            if variable.pieces:
                self._leave(variable)
        for key, mask in self._missing.items():
            place = self._file[_path(key)]
            name = free(place.name.rpartition("/")[2] + "_missing", place.parent)
            place.parent.create_dataset(name, data=mask.astype("u1"))
            place.attrs["missing"] = name
        plotted = self._told_plot()
        if plotted is not None:
            mark_default(plotted)
        elif self._contents.signal:
            axes = [_path(key) for key in self._contents.axes]
            mark_plot(self._file, self._entry, _path(self._contents.signal), axes)
        self._file.close()

    def abandon(self) -> None:
        """Close the file."""
        self._file.close()

    def _told_plot(self) -> Any:
        """Return the group of which an entry itself says what is drawn, if any does."""
        for scalar in self._contents.scalars:
            *groups, name = segments(scalar.key)
            if name == "@signal" and groups:
                return self._file["/".join(groups)]
        return None

    def _lay_out(self) -> None:
        self._make_entry()
        for scalar in self._contents.scalars:
            self._put(scalar)
        for variable in self._contents.variables:
            self._prepare(variable)
        for stream, rows in self._contents.rows.items():
            self._prepare_times(stream, rows)

    def _make_entry(self) -> None:
        entry = self._file.create_group(self._entry)
        entry.attrs["NX_class"] = "NXentry"
        for name, value in self._contents.attributes.items():
            entry.attrs[name] = value
        self._file.attrs["NX_class"] = "NXroot"
        self._file.attrs["default"] = self._entry
        streams = entry.create_group(TIMES)
        streams.attrs["NX_class"] = "NXcollection"

    def _group(self, key: str) -> tuple[Any, str]:
        """Return the group of a key, made with its classes, and the name in it."""
        import h5py

        *groups, name = _path(key).split("/")
        here = self._file
        for depth, part in enumerate(groups):
            if part not in here:
                path = "/".join([*groups[:depth], part])
                here.create_group(part).attrs["NX_class"] = self._class_of(path)
            here = here[part]
            if not isinstance(here, h5py.Group):
                raise EntryLost(key, "not_held", f"{part!r} is a value, no group")
        if name in here:
            raise EntryLost(key, "not_held", f"{name!r} stands there already")
        return here, name

    def _class_of(self, path: str) -> str:
        above, _, name = path.rpartition("/")
        if not above:
            return "NXentry"
        named = CLASSES.get(name.rstrip("0123456789_"), "NXcollection")
        return self._contents.classes.get(path, named)

    def _prepare(self, variable: Variable) -> None:
        group, name = self._group(variable.key)
        if variable.pieces:
            return  # made at the end, when all sequence numbers are known
        source = (variable.stream, variable.fields)
        if variable.linked and source in self._written:
            link(self._file[self._written[source]], group, name)
            self._links.add(variable.key)
            return
        shape, dtype = _require(variable)
        rows = self._contents.rows[variable.stream]
        made = group.create_dataset(name, shape=(rows, *shape), dtype=dtype)
        _describe(made, variable)
        made.attrs["stream"] = variable.stream
        if variable.fields:
            made.attrs["field"] = list(variable.fields)
        if variable.linked:
            self._written[source] = made.name

    def _leave(self, variable: Variable) -> None:
        """Make a dataset of what stays in other files."""
        shape, dtype = _require(variable)
        group, name = self._group(variable.key)
        times = self._times[variable.stream]
        made, missing = virtual(
            group, name, variable.pieces, times["seq_num"][:], shape=shape, dtype=dtype
        )
        if missing.any():
            self._missing[variable.key] = missing
        _describe(made, variable)
        made.attrs["stream"] = variable.stream
        made.attrs["field"] = list(variable.fields)

    def _prepare_times(self, stream: str, rows: int) -> None:
        every = self._file[self._entry][TIMES]
        group = self._times[stream] = every.create_group(free(_safe(stream), every))
        group.attrs["NX_class"] = "NXcollection"
        group.attrs["stream"] = stream
        group.create_dataset("seq_num", shape=(rows,), dtype="i8")
        time = group.create_dataset("time", shape=(rows,), dtype="f8")
        time.attrs["units"] = "s"
        time.attrs["start"] = "1970-01-01T00:00:00Z"

    def _write_rows(self, key: str, array: Any, begin: int, end: int) -> None:
        import pyarrow as pa

        place = self._file[_path(key)]
        if array.null_count:
            self._miss(key, array, begin, len(place))
        _, leaf = shape_of(array.type)
        if str(leaf) in _TEXTS:
            place[begin:end] = _texts(key, array)
        elif pa.types.is_list(leaf) or pa.types.is_large_list(leaf):
            _write_ragged(place, begin, _ragged(key, array))
        elif pa.types.is_null(leaf):
            place[begin:end] = float("nan")
        else:
            _require_elements(key, array)
            place[begin:end] = unpacked(array)[0]

    def _miss(self, key: str, array: Any, begin: int, rows: int) -> None:
        import numpy as np

        mask = self._missing.setdefault(key, np.zeros(rows, bool))
        gaps = array.is_null().to_numpy(zero_copy_only=False)
        mask[begin : begin + len(array)] = gaps

    def _put(self, scalar: Scalar) -> None:
        group, name = self._group(scalar.key)
        try:
            if name.startswith("@"):
                group.attrs[name[1:] or "@"] = scalar.value
                return
            made = group.create_dataset(name, data=_value(scalar.value))
            _describe(made, scalar)
        except (OSError, TypeError, ValueError, RuntimeError) as problem:
            raise EntryLost(scalar.key, "not_held", f"HDF5: {problem}") from None


def _entry_name(paths: Sequence[tuple[str, ...]]) -> str:
    return next((parts[0] for parts in paths if len(parts) > 1), "entry")


def _path(key: str) -> str:
    return "/".join(segments(key))


def free(name: str, taken: Container[str]) -> str:
    """Return a name that nothing has yet: this one, if need be with more behind it."""
    while name in taken:
        name += "_"
    return name


def _words(one: Variable | Scalar) -> Iterator[str]:
    """Yield the texts that become attributes of a dataset."""
    yield one.units
    if isinstance(one, Variable):
        yield one.stream
        yield from one.fields


def _safe(stream: str) -> str:
    return stream.replace("/", "_").lstrip(".") or "_"


def _stored(variable: Variable) -> tuple[tuple[int, ...], Any] | None:
    """Return shape and HDF5 type of a cell; None where there is none."""
    import h5py
    import numpy as np
    import pyarrow as pa

    shape, leaf = shape_of(variable.type)
    if str(leaf) in _TEXTS:
        return shape, h5py.string_dtype()
    if pa.types.is_null(leaf):
        return shape, np.dtype("f8")
    if pa.types.is_list(leaf) or pa.types.is_large_list(leaf):
        inner = leaf.value_type
        if shape or not (pa.types.is_integer(inner) or pa.types.is_floating(inner)):
            return None
        return (), h5py.vlen_dtype(np.dtype(inner.to_pandas_dtype()))
    numeric = pa.types.is_integer(leaf) or pa.types.is_floating(leaf)
    if numeric or pa.types.is_boolean(leaf):
        return shape, np.dtype(leaf.to_pandas_dtype())
    return None


def _require(variable: Variable) -> tuple[tuple[int, ...], Any]:
    stored = _stored(variable)
    if stored is None:
        raise EntryLost(variable.key, "not_held", f"HDF5 has no {variable.type}")
    return stored


def _require_elements(key: str, array: Any) -> None:
    """Refuse gaps within a row, which HDF5 has only as NaN."""
    if has_inner_gaps(array):
        raise EntryLost(key, "not_held", "an array has null elements")


def _texts(key: str, array: Any) -> Any:
    import numpy as np

    shape, leaf = leaf_of(array)
    values = np.array([one or "" for one in leaf.to_pylist()], dtype=object)
    if any("\0" in one for one in values):
        raise EntryLost(key, "not_held", "a text has a NUL character in it")
    return values.reshape(len(array), *shape)


def _ragged(key: str, array: Any) -> Any:
    import numpy as np

    dtype = np.dtype(array.type.value_type.to_pandas_dtype())
    _require_elements(key, array)
    rows = np.empty(len(array), dtype=object)
    for place, one in enumerate(array):
        row = one.values
        rows[place] = (
            np.zeros(0, dtype) if row is None else row.to_numpy(zero_copy_only=False)
        )
    return rows


def _write_ragged(place: Any, begin: int, rows: Any) -> None:
    # h5py takes rows of one element each for one row of all of them.
    if all(len(one) == 1 for one in rows):
        for at, one in enumerate(rows, begin):
            place[at] = one
    else:
        place[begin : begin + len(rows)] = rows


def _value(value: Any) -> Any:
    import h5py
    import numpy as np

    if isinstance(value, list) and value and isinstance(value[0], str):
        return np.array(value, dtype=h5py.string_dtype())
    return value


def _describe(made: Any, one: Variable | Scalar) -> None:
    if one.units:
        made.attrs["units"] = one.units
    if one.encoding:
        made.attrs["encoding"] = one.encoding
    for name, value in one.attributes.items():
        made.attrs[name] = value
