"""One stream as a FITS binary table (FITS 4.0, section 7.3).

It holds numbers, booleans, arrays of one shape, ragged rows of numbers and ASCII text;
text and ragged rows lie in the heap. Columns are called by their keys, with ``_`` for
what FITS does not want in names; ``TCOMM`` has the key. Values of their own stand in the manifest.
"""

import functools
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quire.actions.versions import version_of
from quire.products.projection.arrays import has_inner_gaps, shape_of, unpacked
from quire.products.projection.contents import Block, Contents, Scalar, Variable
from quire.products.projection.executing import EntryLost

_OURS = ("seq_num", "time")
_UNIT = 2880
_LONGEST = 60
# TFIELDS goes so far: keywords have eight characters.
_COLUMNS = 999
_ASCII = re.compile(r"[\x20-\x7e]*")
_NULL = -(2**63)
_CODES = {"int64": "K", "int32": "J", "int16": "I", "uint8": "B"}
_CODES |= {"double": "D", "float": "E", "bool": "L"}
_HELD = "scalars, arrays of one shape, ragged rows of numbers, ASCII text"


class FitsTableWriter:
    """Writes a binary table (`quire.ports.product_writer`)."""

    format = "fits"
    suffix = (".fits", "application/fits")

    def __init__(self) -> None:
        self._judged: tuple[Contents, Mapping[str, str]] | None = None

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what writes it."""
        return {"astropy": version_of("astropy")}

    def refusal(self, one: Variable | Scalar, contents: Contents) -> str:
        """Return why the format does not hold something; empty if it does."""
        if isinstance(one, Scalar):
            return ""
        # Each of thousands is asked for in turn: they are judged together, once.
        if self._judged is None or self._judged[0] is not contents:
            self._judged = contents, _refusals(contents)
        told = self._judged[1].get(one.key)
        return _refusal(one, contents, Counter()) if told is None else told

    def create(self, path: Path, contents: Contents) -> "FitsTableSheet":
        """Begin a file."""
        return FitsTableSheet(path, contents)


class FitsTableSheet:
    """An open FITS file, and its heap beside it until the end."""

    def __init__(self, path: Path, contents: Contents) -> None:
        import numpy as np

        self._contents = contents
        self._variables = contents.variables
        self._rows = contents.rows.get(contents.table, 0)
        fields: list[Any] = [("seq_num", ">i8"), ("time", ">f8")]
        for place, one in enumerate(self._variables):
            code = _code(one.type)
            shape, leaf = shape_of(one.type)
            if code.startswith("Q"):
                fields.append((str(place), ">i8", (2,)))
            else:
                kind = np.dtype("S1" if code == "L" else leaf.to_pandas_dtype())
                kind = kind.newbyteorder(">")
                fields.append((str(place), kind, shape))
        self._dtype = np.dtype(fields)
        self._longest = dict.fromkeys((one.key for one in self._variables), 0)
        self._heap_size = 0
        self._written = 0
        self._path = path
        self._table = path.with_name(path.name + ".table").open("w+b")
        self._heap = path.with_name(path.name + ".heap").open("w+b")

    def write(self, block: Block) -> None:
        """Write rows."""
        import numpy as np

        rows = np.zeros(len(block.seq_num), self._dtype)
        rows["seq_num"], rows["time"] = block.seq_num, block.time
        for place, one in enumerate(self._variables):
            array = block.columns[one.key]
            code = _code(one.type)
            if code.startswith("Q"):
                rows[str(place)] = self._in_heap(one.key, array, code)
            elif code == "L":
                rows[str(place)] = _booleans(array)
            else:
                rows[str(place)] = _numbers(one.key, array)
        self._table.write(rows.tobytes())
        self._written += len(rows)

    def finish(self, reduced: Sequence[Scalar]) -> None:
        """Put header, table and heap together."""
        del reduced
        with self._path.open("xb") as out:
            out.write(self._primary())
            out.write(self._header())
            for part in (self._table, self._heap):
                part.seek(0)
                shutil.copyfileobj(part, out, 1024 * 1024)
            size = self._written * self._dtype.itemsize + self._heap_size
            out.write(b"\0" * (-size % _UNIT))
        self.abandon()

    def abandon(self) -> None:
        """Close and remove what lies beside the file."""
        for part in (self._table, self._heap):
            part.close()
            Path(str(part.name)).unlink(missing_ok=True)

    def _in_heap(self, key: str, array: Any, code: str) -> Any:
        """Write cells into the heap; return their descriptors: count, offset."""
        import numpy as np

        if array.null_count:
            raise EntryLost(key, "not_held", "FITS has no gaps in text or ragged rows")
        places = np.zeros((len(array), 2), np.int64)
        for row, one in enumerate(_cells(key, array, code)):
            places[row] = len(one), self._heap_size
            self._heap_size += self._heap.write(one.tobytes())
            self._longest[key] = max(self._longest[key], len(one))
        return places

    def _primary(self) -> bytes:
        from astropy.io import fits

        header = fits.PrimaryHDU().header
        run = str(self._contents.attributes.get("run", ""))
        header["RUN"] = run.encode("ascii", "backslashreplace").decode()[:_LONGEST]
        header["COMPLETE"] = bool(self._contents.attributes.get("complete", True))
        status = str(self._contents.attributes.get("exit_status", ""))
        header["EXITSTAT"] = status.encode("ascii", "backslashreplace").decode()[
            :_LONGEST
        ]
        return _bytes(header)

    def _header(self) -> bytes:
        from astropy.io import fits

        header = fits.Header()
        header["XTENSION"] = "BINTABLE"
        header["BITPIX"] = 8
        header["NAXIS"] = 2
        header["NAXIS1"] = self._dtype.itemsize
        header["NAXIS2"] = self._written
        header["PCOUNT"] = self._heap_size
        header["GCOUNT"] = 1
        header["TFIELDS"] = 2 + len(self._variables)
        columns: list[tuple[str, str, str, str | None]]
        columns = [("seq_num", "K", "", None), ("time", "D", "s", None)]
        columns += [self._column(one) for one in self._variables]
        for number, (name, form, unit, shape) in enumerate(columns, 1):
            header[f"TTYPE{number}"] = name
            header[f"TFORM{number}"] = form
            if unit:
                header[f"TUNIT{number}"] = unit
            if shape:
                header[f"TDIM{number}"] = shape
            if number > len(_OURS):
                header[f"TCOMM{number}"] = self._variables[number - 3].key
            if form.endswith("K") and number > len(_OURS):
                header[f"TNULL{number}"] = _NULL
        return _bytes(header)

    def _column(self, one: Variable) -> tuple[str, str, str, str | None]:
        code = _code(one.type)
        shape, _ = shape_of(one.type)
        if code.startswith("Q"):
            form = f"1{code}({self._longest[one.key]})"
            return _name(one.key), form, _units(one.units), None
        count = 1
        for size in shape:
            count *= size
        dimensions = ",".join(str(size) for size in reversed(shape))
        form = f"{count}{code}" if shape else code
        return (
            _name(one.key),
            form,
            _units(one.units),
            f"({dimensions})" if len(shape) > 1 else None,
        )


def _name(key: str) -> str:
    """Return what a column is called: FITS asks for letters, digits and ``_``.

    The key itself stands in the column's ``TCOMM``.
    """
    return re.sub(r"[^A-Za-z0-9_]+", "_", key).strip("_").lower() or "_"


@functools.cache
def _units(text: str) -> str:
    """Return units in ASCII: as FITS spells them (section 4.3), else escaped.

    No column is left out for a ``µm``; the manifest has them as they are.
    """
    if text.isascii():
        return text
    from astropy.units import Unit

    try:
        spelled = str(Unit(text).to_string("fits"))
    except (ValueError, TypeError):
        spelled = ""
    return spelled or text.encode("ascii", "backslashreplace").decode()


def _refusals(contents: Contents) -> dict[str, str]:
    """Return why variables are not held, by their keys; empty where one is."""
    names = Counter(_name(one.key) for one in contents.variables)
    refused: dict[str, str] = {}
    room = _COLUMNS - len(_OURS)
    for one in contents.variables:
        reason = _refusal(one, contents, names)
        if not reason and room <= 0:
            reason = f"a FITS table holds {_COLUMNS} columns"
        room -= not reason
        refused[one.key] = reason
    return refused


def _refusal(one: Variable, contents: Contents, names: Mapping[str, int]) -> str:
    if one.stream != contents.table:
        return f"a FITS table holds one stream; this one has {contents.table!r}"
    if reason := _naming(one, names):
        return reason
    return "" if _code(one.type) else f"FITS holds {_HELD}; this is {one.type}"


def _naming(one: Variable, names: Mapping[str, int]) -> str:
    """Return what is wrong with a column's name or units.

    Parameters
    ----------
    names
        How many columns would be called so.
    """
    if not (_ASCII.fullmatch(one.key) and len(one.key) <= _LONGEST):
        return f"FITS holds names of ASCII, up to {_LONGEST} characters"
    units = _units(one.units)
    if not (_ASCII.fullmatch(units) and len(units) <= _LONGEST):
        return f"FITS holds units of printable ASCII, up to {_LONGEST} characters"
    name = _name(one.key)
    if name in _OURS or names[name] > 1:
        return f"two columns would be called {name}"
    return ""


def _code(kind: Any) -> str:
    """Return the letter of a TFORM, ``Q`` and a letter for the heap, or nothing."""
    import pyarrow as pa

    shape, leaf = shape_of(kind)
    if pa.types.is_string(leaf) or pa.types.is_large_string(leaf):
        return "" if shape else "QA"
    if pa.types.is_list(leaf) or pa.types.is_large_list(leaf):
        inner = _CODES.get(str(leaf.value_type), "")
        return "" if shape or inner in ("", "L") else f"Q{inner}"
    return _CODES.get(str(leaf), "")


def _cells(key: str, array: Any, code: str) -> Any:
    import numpy as np

    if code == "QA":
        for text in array.to_pylist():
            if not _ASCII.fullmatch(text):
                raise EntryLost(key, "not_held", "a text is no printable ASCII")
            yield np.frombuffer(text.encode(), "S1")
        return
    if has_inner_gaps(array):
        raise EntryLost(key, "not_held", "an array has null elements")
    for one in array:
        found = one.values.to_numpy(zero_copy_only=False)
        yield found.astype(found.dtype.newbyteorder(">"))


def _booleans(array: Any) -> Any:
    """Return T, F, or the zero byte that FITS has for a gap."""
    import numpy as np

    values, missing = unpacked(array)
    letters = np.where(values, b"T", b"F").astype("S1")
    if missing is not None:
        letters[missing] = b"\0"
    return letters


def _numbers(key: str, array: Any) -> Any:
    if has_inner_gaps(array):
        raise EntryLost(key, "not_held", "an array has null elements")
    values, missing = unpacked(array)
    if missing is None and values.dtype.kind != "i":
        return values
    if missing is not None and (values.dtype.kind != "i" or values.itemsize < 8):  # noqa: PLR2004
        raise EntryLost(key, "not_held", "FITS tells no gap from NaN")
    if values.dtype == "i8" and (values == _NULL).any():
        raise EntryLost(key, "not_held", f"{_NULL} stands for a gap")
    if missing is not None:
        values = values.copy()
        values[missing] = _NULL
    return values


def _bytes(header: Any) -> bytes:
    return bytes(header.tostring(sep="", endcard=True, padding=True).encode("ascii"))
