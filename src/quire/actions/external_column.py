"""One data key whose data lies in files, row by row."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from quire.actions.counting_on import in_own_files
from quire.actions.external_source import Source
from quire.errors import InputError
from quire.ports.asset_reader import AssetReader, AssetUnreadable, Frames, Origin
from quire.runs.columns.external import Asset, Places, row_shape

BLOCK_BYTES = 8 * 1024**2
_MOST_ROW_BYTES = 1024**3
_MOST_OPEN = 16


class ExternalColumn:
    """A column of arrays, opened at the first row that can be read; blocks.

    Attributes
    ----------
    seq_num
        Sequence numbers of its rows, rising: NumPy int64.
    dtype, shape
        Of a row.
    ragged
        Whether rows differ in shape (`quire.actions.ragged_column`).
    missing
        Sequence numbers of rows that are told of, and that no file has: NumPy int64.
    lacking
        Why the first of them is missing; None where none is.

    Parameters
    ----------
    known
        All assets by uid.
    by_rows
        Whether the places count rows, not yet frames.
    declared
        The data key.

    Raises
    ------
    AssetUnreadable
        The first row of none of its first files can be read.
    """

    ragged = False
    dtype: Any
    shape: tuple[int | None, ...]

    def __init__(
        self,
        reader: AssetReader,
        known: Mapping[str, Asset],
        places: Places,
        *,
        key: str,
        declared: Mapping[str, Any],
        by_rows: bool,
    ) -> None:
        self._reader = reader
        self._known = known
        self._places = places
        self._key = key
        self._opened: OrderedDict[int, Frames] = OrderedDict()
        self.seq_num = places.seq_num
        self._first, lost, why = self._first_readable()
        self._frames, self.dtype, self._shape = self._look(declared, by_rows=by_rows)
        self.shape = self._shape
        if by_rows:
            self._places = places = in_own_files(
                places, known, self._frames, self._file
            )
        self._begin = places.begin * self._frames if by_rows else places.begin
        self._end = places.end * self._frames if by_rows else places.end
        self.missing, self.lacking = self._leave_out(*self._lost(lost, why))

    def __len__(self) -> int:
        return len(self.seq_num)

    @property
    def row_bytes(self) -> int:
        """How many bytes a row has."""
        return int(math.prod(self._shape) * self.dtype.itemsize)

    @property
    def block_rows(self) -> int:
        """How many rows are best read at once."""
        return max(1, BLOCK_BYTES // max(1, self.row_bytes))

    def read(self, rows: Any) -> Any:
        """Return rows, along a first axis.

        Parameters
        ----------
        rows
            NumPy array of places among its rows.

        Raises
        ------
        AssetUnreadable
            One of them cannot be read.
        """
        import numpy as np

        out = np.empty((len(rows), *self._shape), self.dtype)
        which, begin, end = (
            one[rows] for one in (self._places.which, self._begin, self._end)
        )
        for first, last in self._followings(rows):
            frames = self._file(int(which[first]))
            until = int(end[last - 1])
            until = until if until >= 0 else self._count(int(which[first]))
            found = frames.read(int(begin[first]), until)
            out[first:last] = self._fitted(found, last - first, int(which[first]))
        return out

    def row(self, at: int) -> Any:
        """Return the frames of one row as their file has them.

        Raises
        ------
        AssetUnreadable
            They cannot be read.
        """
        return self._file(int(self._places.which[at])).read(*self._span(at))

    def row_kind(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return dtype and shape of `row`.

        Raises
        ------
        AssetUnreadable
            It cannot be read.
        """
        begin, end = self._span(at)
        dtype, frame = self._file(int(self._places.which[at])).kind(begin)
        return dtype, (end - begin, *frame)

    def is_seen_to_vary(self) -> bool:
        """Return whether rows differ by what is known without a look at each.

        Datums stand for unlike numbers of frames, or the first file's frames differ.
        """
        known = (self._end - self._begin)[self._end >= 0]
        if len(known) and bool((known != known[0]).any()):
            return True
        return self._file(int(self._places.which[self._first])).even is False

    def is_even(self) -> bool:
        """Return whether all rows that can be read are of one shape; looks at each."""
        import numpy as np

        if self.is_seen_to_vary():
            return False
        first = self.row_kind(self._first)
        for number in np.unique(self._places.which).tolist():
            places = np.flatnonzero(self._places.which == number)
            with suppress(AssetUnreadable):
                looked_at = places[:1] if self._file(number).even else places
                if any(self.row_kind(at) != first for at in looked_at.tolist()):
                    return False
        return True

    def _lost(
        self, lost: Any, why: AssetUnreadable | None
    ) -> tuple[Any, AssetUnreadable | None]:
        """Return which rows no file has, and why the first, as far as few files tell.

        Many files are not looked at: opening them takes longer than reading some rows.

        Parameters
        ----------
        lost, why
            What is known of it.
        """
        which = self._places.which
        numbers = list(dict.fromkeys(which.tolist()))  # in the order of the rows
        few = len(numbers) <= _MOST_OPEN
        for number in numbers:
            fault = self._fault(number) if few or number < 0 else None
            if fault is not None:
                end, reason = fault
                lost |= (which == number) & ((self._end > end) | (end < 0))
                why = why or reason
        return lost, why

    def _fault(self, number: int) -> tuple[int, AssetUnreadable] | None:
        """Return where a file ends and that rows lie behind it; -1 if it has none.

        Files that are a row each are not looked at: some are read whole.
        """
        last = int(self._end[self._places.which == number].max())
        if number >= 0 and last < 0:
            return None
        try:
            count = self._file(number).count
        except AssetUnreadable as error:
            return -1, error
        if count is None or last <= count:
            return None
        asset = self._asset(number)
        reason = f"has no frames {count} to {last - 1}"
        return count, AssetUnreadable(asset, "/", reason, path=asset.location)

    def _leave_out(
        self, lost: Any, why: AssetUnreadable | None
    ) -> tuple[Any, AssetUnreadable | None]:
        missing = self.seq_num[lost]
        if why is not None:
            if lost.all():
                self.close()
                raise why
            kept, places = ~lost, self._places
            self._first = int(kept[: self._first].sum())
            self._places = Places(
                assets=places.assets,
                seq_num=places.seq_num[kept],
                which=places.which[kept],
                begin=places.begin[kept],
                end=places.end[kept],
            )
            self.seq_num = self._places.seq_num
            self._begin, self._end = self._begin[kept], self._end[kept]
        return missing, why

    def _first_readable(self) -> tuple[int, Any, AssetUnreadable | None]:
        """Return the first row that can be read, which before it cannot, and why.

        The first row of each file is tried, then further rows; some, at most.

        Raises
        ------
        AssetUnreadable
            None can be read.
        """
        import numpy as np

        which, begin = self._places.which, self._places.begin
        lost = np.zeros(len(which), bool)
        faults: list[AssetUnreadable] = []
        firsts: dict[int, int] = {}
        for at in [0, *(np.flatnonzero(np.diff(which)) + 1).tolist()]:
            firsts.setdefault(int(which[at]), at)
        tried = [*firsts.values()][:_MOST_OPEN]
        for at in [*tried, *range(min(len(which), _MOST_OPEN))]:
            behind = which == which[at]
            try:
                frames = self._file(int(which[at]))
                behind = np.arange(len(which)) == at
                frames.kind(int(begin[at]))
            except AssetUnreadable as error:
                lost |= behind
                faults.append(error)
            else:
                return at, lost, faults[0] if faults else None
        self.close()
        raise faults[0]

    def asset_of(self, at: int) -> Asset:
        """Return what the document says of the files of a row."""
        return self._asset(int(self._places.which[at]))

    def _span(self, at: int) -> tuple[int, int]:
        which, end = int(self._places.which[at]), int(self._end[at])
        return int(self._begin[at]), end if end >= 0 else self._count(which)

    def sources(self) -> list[Source]:
        """Return which datasets its rows are, in their order; blocks.

        Raises
        ------
        AssetUnreadable
            One cannot be read.
        InputError
            A row is none of an HDF5 dataset's, as it stands there.
        """
        found: list[Source] = []
        origins: dict[int, Origin] = {}
        for first, last in self._followings(slice(None)):
            which = int(self._places.which[first])
            self._file(which)
            if which not in origins:
                origins[which] = self._origin(which)
            begin, end = int(self._begin[first]), int(self._end[last - 1])
            end = end if end >= 0 else origins[which].shape[0]
            each, rest = divmod(end - begin, last - first)
            if rest or not self._fits(origins[which], each):
                raise InputError("key", f"{self._key!r} changes its shape", "copy it")
            found.append(
                Source(
                    origin=origins[which],
                    rows=(first, last),
                    frames=(begin, end),
                    frames_a_row=each,
                )
            )
        return found

    def _origin(self, which: int) -> Origin:
        origin = self._reader.origin(self._asset(which))
        if origin is None:
            raise InputError("key", f"{self._key!r} is no HDF5 dataset", "copy it")
        return origin

    def _fits(self, origin: Origin, each: int) -> bool:
        """Return whether so many frames of a dataset are a row."""
        bare = [size for size in (each, *origin.shape[1:]) if size != 1]
        return bare == [size for size in self._shape if size != 1]

    def close(self) -> None:
        """Let go of the files."""
        while self._opened:
            self._opened.popitem()[1].close()

    def _look(
        self, declared: Mapping[str, Any], *, by_rows: bool
    ) -> tuple[int, Any, tuple[int, ...]]:

        number, begin, end = (
            int(one[self._first])
            for one in (self._places.which, self._places.begin, self._places.end)
        )
        dtype, frame = self._file(number).kind(begin)
        told: int | None = self._reader.frames_a_row(self._asset(number))
        if not by_rows:
            told = (end if end >= 0 else self._count(number)) - begin
        count, shape = row_shape(declared.get("shape"), frame, told)
        if math.prod(shape) * dtype.itemsize > _MOST_ROW_BYTES:
            raise AssetUnreadable(
                self._asset(number), "/", f"a row of shape {shape} is too large"
            )
        return count, dtype, shape

    def _file(self, number: int) -> Frames:
        if number < 0:
            missing = Asset(document="datum", uid="", format="", location="")
            reason = f"a row of {self._key!r} names a datum that has not come"
            raise AssetUnreadable(missing, f"/data/{self._key}", reason)
        if number not in self._opened:
            if len(self._opened) >= _MOST_OPEN:
                self._opened.popitem(last=False)[1].close()
            self._opened[number] = self._reader.open(self._asset(number))
        self._opened.move_to_end(number)
        return self._opened[number]

    def _count(self, number: int) -> int:
        count = self._file(number).count
        if count is None:
            asset = self._asset(number)
            raise AssetUnreadable(asset, "/datum_kwargs", "names none of its files")
        return count

    def _asset(self, number: int) -> Asset:
        uid = self._places.assets[number]
        found = self._known.get(uid)
        if found is None:
            missing = Asset(document="resource", uid=uid, format="", location="")
            raise AssetUnreadable(missing, "/uid", "has not come")
        return found

    def _followings(self, rows: Any) -> list[tuple[int, int]]:
        """Return the ranges, half-open, of rows that follow each other in a file."""
        import numpy as np

        which, begin, end = (
            one[rows] for one in (self._places.which, self._begin, self._end)
        )
        follows = (which[1:] == which[:-1]) & (begin[1:] == end[:-1]) & (end[1:] >= 0)
        breaks = (np.flatnonzero(~follows) + 1).tolist()
        starts = [0, *breaks] if len(which) else []
        return list(zip(starts, [*breaks, len(which)], strict=False))

    def _fitted(self, found: Any, rows: int, number: int) -> Any:
        import numpy as np

        wanted = (rows, *self._shape)
        fits = found.size == math.prod(wanted) and (
            found.dtype == self.dtype or np.can_cast(found.dtype, self.dtype, "safe")
        )
        if not fits:
            reason = (
                f"holds {found.dtype} of shape {tuple(found.shape)} where rows of"
                f" {self._key!r} are {self.dtype} of shape {self._shape}"
            )
            raise AssetUnreadable(self._asset(number), "/", reason)
        return found.reshape(wanted)
