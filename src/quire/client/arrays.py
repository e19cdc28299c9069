"""One data key as an array that is read when it is looked at."""

import math
import operator
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.client import HTTPResponse
from typing import Any

from quire.client.columns import objects
from quire.client.connection import Connection
from quire.client.errors import ConnectionLost, RefusedConflict
from quire.client.fetching import arrow_reader, fetched

# Of what nobody wants, rather than ask once more.
_NEAR_BYTES = 1_000_000


class Array:
    """The values of one data key, one row an event, indexed as NumPy does.

    Data in files is read from the server for the wanted rows alone; data in events
    once, as a whole.

    Attributes
    ----------
    shape, dtype
        As of a NumPy array.

    Parameters
    ----------
    rows, at
        Give rows: of a rising slice, and of a NumPy array of their places.
    """

    def __init__(
        self,
        key: str,
        values: "FileArray | Any",
        rows: Callable[[slice], Any],
        at: Callable[[Any], Any],
    ) -> None:
        self.key = key
        self.shape: tuple[int, ...] = values.shape
        self.dtype = values.dtype
        self._rows = rows
        self._at = at

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    def read(self) -> Any:
        """Return all of it as a `numpy.ndarray`."""
        return self[:]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple) and not index:
            return self.read()
        first, rest = (index[0], index[1:]) if isinstance(index, tuple) else (index, ())
        if isinstance(first, slice):
            found = self._part(first)
            return found[(slice(None), *rest)] if rest else found
        try:
            at = operator.index(first)
        except TypeError:
            places = _places(first, len(self)) if all(map(_is_plain, rest)) else None
            if places is None:
                return self._part(slice(None))[index]
            return self._at(places)[(slice(None), *rest)]
        at = at + len(self) if at < 0 else at
        if not 0 <= at < len(self):
            raise IndexError(f"row {first} of {len(self)}")
        found = self._rows(slice(at, at + 1))[0]
        return found[rest] if rest else found

    def _part(self, wanted: slice) -> Any:
        """Return rows in rising order from the server, then turned as wanted."""
        begin, end, step = wanted.indices(len(self))
        places = range(begin, end, step)
        if not places:
            return self._rows(slice(0, 0))
        low, high = min(places[0], places[-1]), max(places[0], places[-1])
        found = self._rows(slice(low, high + 1, abs(step)))
        return found[::-1] if step < 0 else found

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: FBT001
        import numpy as np

        return np.array(self.read(), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"<Array {self.key} {self.shape} {self.dtype}>"


def _is_plain(index: Any) -> bool:
    """Return whether it picks along its own axis, whatever stands before it."""
    kinds = slice | int | type(None) | type(Ellipsis)
    return isinstance(index, kinds) and not isinstance(index, bool)


def _places(wanted: Any, count: int) -> Any:
    """Return rows that are listed or marked as places; None for any other index.

    Raises
    ------
    IndexError
        There is no such row.
    """
    import numpy as np

    if not isinstance(wanted, list | np.ndarray):
        return None
    found = np.asarray(wanted)
    if found.dtype.kind == "b" and found.shape == (count,):
        return np.flatnonzero(found)
    if found.dtype.kind not in "iu" or found.ndim != 1:
        return None
    beyond = found[(found < -count) | (found >= count)]
    if len(beyond):
        raise IndexError(f"row {beyond[0]} of {count}")
    return np.where(found < 0, found + count, found)


class FileArray:
    """A data key whose data lies in files that the server reads.

    Attributes
    ----------
    dtype, shape
        Of all rows; those that differ in shape are objects along one axis.
    seq_num
        Sequence number of each row.
    missing
        How many further rows the documents tell of, which no file has, and why; empty
        where there are none.

    Raises
    ------
    Refused
        The data lies in no file, or cannot be read; says which and why. Of rows that
        are read later also if others stand in their places by then.
    """

    def __init__(self, connection: Connection, path: str) -> None:
        import numpy as np

        self._connection = connection
        self._path = path
        told = connection.get(path, format="json")
        descr = told["dtype"]
        if isinstance(descr, list):  # JSON has no tuples
            descr = [_field(one) for one in descr]
        self.dtype = np.lib.format.descr_to_dtype(descr)
        self.shape: tuple[int, ...] = tuple(told["shape"])
        self._of_each = self.dtype  # of the values of a row
        self._ragged = None in told["shape"]
        if self._ragged:
            self.dtype, self.shape = np.dtype(object), self.shape[:1]
        lacking = told.get("missing")
        self.missing = ""
        if lacking:
            rows = "1 row" if lacking["rows"] == 1 else f"{lacking['rows']} rows"
            self.missing = f"{rows}: {lacking['reason']}"
        ranges = [np.arange(first, last + 1) for first, last in told["seq_nums"]]
        self.seq_num = np.concatenate([np.zeros(0, np.int64), *ranges])

    def rows(self, wanted: slice) -> Any:
        """Return rows, read from the files."""
        import numpy as np

        places = range(*wanted.indices(self.shape[0]))
        if self._ragged:
            return self._unlike(places) if places else objects([])
        shape = (len(places), *self.shape[1:])
        if self.dtype.hasobject:
            return self._texts(places, shape)
        out = np.empty(shape, self.dtype)
        if out.nbytes:
            self._fill(out, places)
        return out

    def at(self, places: Any) -> Any:
        """Return rows, read from the files; what lies far between them is not read.

        Parameters
        ----------
        places
            NumPy array of integers, none of them negative, in any order.
        """
        import numpy as np

        wanted, back = np.unique(places, return_inverse=True)
        if not len(wanted):
            return self.rows(slice(0, 0))
        steps = np.diff(wanted)
        if len(steps) and (steps == steps[0]).all():
            parts = [self.rows(slice(wanted[0], wanted[-1] + 1, steps[0]))]
        else:
            row = self._of_each.itemsize * math.prod(self.shape[1:])
            far = np.flatnonzero(steps > max(1, _NEAR_BYTES // max(1, row))) + 1
            parts = [self._between(one) for one in np.split(wanted, far)]
        found = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return found if np.array_equal(wanted, places) else found[back]

    def _between(self, places: Any) -> Any:
        return self.rows(slice(places[0], places[-1] + 1))[places - places[0]]

    def _unlike(self, wanted: range) -> Any:
        """Return rows that differ in shape as an object array of arrays."""
        import numpy as np

        return objects([np.array(one, self._of_each) for one in self._listed(wanted)])

    def _texts(self, wanted: range, shape: tuple[int, ...]) -> Any:
        """Return rows of text as an object array."""
        import numpy as np

        if not math.prod(shape):
            return np.empty(shape, object)
        return np.array(self._listed(wanted), object).reshape(shape)

    def _listed(self, wanted: range) -> list[Any]:
        with self._asked("arrow", wanted) as answer:
            column = arrow_reader(answer).read_all().column("values")
        found: list[Any] = column.to_pylist()
        return found

    def _fill(self, out: Any, wanted: range) -> None:
        view = memoryview(out.reshape(-1).view("u1"))
        with self._asked("raw", wanted) as answer:
            self._check(answer, out)
            at = 0
            while at < len(view):
                taken = answer.readinto(view[at:])
                if not taken:
                    url = self._connection.url
                    raise ConnectionLost(url, f"{self._path} breaks off")
                at += taken

    def _check(self, answer: HTTPResponse, out: Any) -> None:
        """Check that the answer's values are of this type and shape, still."""
        from numpy.lib import format as npy

        descr = str(npy.dtype_to_descr(out.dtype))
        expected = (
            descr.encode("ascii", "backslashreplace").decode(),  # as in a header
            ",".join(map(str, out.shape)),
        )
        told = answer.getheader("quire-dtype"), answer.getheader("quire-shape")
        if told != expected:
            words = f"the values at {self._path} have changed; read the stream anew"
            raise RefusedConflict(409, {"detail": words})

    def _asked(self, form: str, wanted: range) -> AbstractContextManager[HTTPResponse]:
        """Ask for rows, if they are still those that they were."""
        first, last = self.seq_num[wanted[0]], self.seq_num[wanted[-1]]
        query = {
            "format": form,
            "slice": f"{wanted.start}:{wanted.stop}:{wanted.step}",
            "seq_nums": f"{first}:{last}",
        }
        return fetched(self._connection, self._path, query)


def _field(told: list[Any]) -> tuple[Any, ...]:
    name, kind, *shape = told
    if isinstance(kind, list):
        kind = [_field(one) for one in kind]
    return (name, kind, *(tuple(one) for one in shape))
