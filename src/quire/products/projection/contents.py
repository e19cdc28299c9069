"""What a product holds, as a writer is told it."""

from typing import Any

import msgspec


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a variable that are left in the HDF5 file that an instrument wrote.

    Attributes
    ----------
    shape
        Of the whole dataset.
    first
        Sequence number of the first row; the others follow it one by one.
    begin
        Place of the first row's first frame along the dataset's first axis.
    rows, frames_a_row
        How many rows there are, and how many frames each has.
    size, modified
        Of the file: bytes, and nanoseconds since 1970.
    """

    file: str
    dataset: str
    shape: tuple[int, ...]
    first: int
    begin: int
    rows: int
    frames_a_row: int
    size: int
    modified: int


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """Values along the rows of one stream.

    Attributes
    ----------
    key
        The projection's key.
    type
        Arrow type of its cells.
    encoding
        ``json`` where its text is JSON, ``integer`` where it is digits of integers
        beyond 64 bits, else empty.
    fields
        The data keys that it is made from.
    linked
        Whether it is a data key's values as they are.
    pieces
        Where its rows lie, in the order of their sequence numbers, if they are not
        to be copied.
    attributes
        Further facts: plain text, numbers, lists of these.
    """

    key: str
    stream: str
    type: Any
    units: str = ""
    encoding: str = ""
    fields: tuple[str, ...] = ()
    linked: bool = False
    pieces: tuple[Piece, ...] = ()
    attributes: dict[str, Any] = {}


class Scalar(msgspec.Struct, frozen=True, kw_only=True):
    """One value of its own: of configuration, static, or reduced from a stream.

    Attributes
    ----------
    value
        Text, a number, a boolean, a list of one kind of these, or a NumPy array.
    encoding
        ``json`` where its text is JSON.
    """

    key: str
    value: Any
    units: str = ""
    encoding: str = ""
    attributes: dict[str, Any] = {}


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """A product, without its values along streams.

    Attributes
    ----------
    rows
        Of each stream.
    scalars
        Those that are known before the streams are read.
    reduced
        Keys of those that are not.
    signal, axes
        Keys of the variables of the default plot; empty where there is none.
    classes
        Of groups by their path, without slashes around it: names of NeXus classes.
    attributes
        Of the whole.
    """

    rows: dict[str, int]
    variables: tuple[Variable, ...]
    scalars: tuple[Scalar, ...] = ()
    reduced: tuple[str, ...] = ()
    signal: str = ""
    axes: tuple[str, ...] = ()
    classes: dict[str, str] = {}
    attributes: dict[str, Any] = {}

    @property
    def table(self) -> str:
        """The one stream that a format of one table holds: the first variable's."""
        return self.variables[0].stream if self.variables else ""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a stream, one behind the other.

    Attributes
    ----------
    begin
        Place of the first among the stream's rows.
    columns
        Arrow array of each variable by key.
    seq_num, time
        NumPy: int64; float64 Unix seconds.
    """

    stream: str
    begin: int
    columns: dict[str, Any]
    seq_num: Any
    time: Any


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one entry.

    Attributes
    ----------
    status
        ``ok`` or ``issue``.
    source
        What it is made from: stream, field, descriptors, callable with its version.
    code, issue
        Short code and plain words, empty where it is well.
    note
        What else is to be known, such as an old spelling.
    """

    key: str
    status: str = "ok"
    source: dict[str, Any] = {}
    code: str = ""
    issue: str = ""
    note: str = ""
