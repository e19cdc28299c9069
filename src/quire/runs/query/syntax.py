"""Queries as spelt: before fields are looked up and values have types.

The text and the JSON form both become this, and are checked alike.
"""

from enum import StrEnum

import msgspec

from quire.runs.query.errors import Place


class Spelling(StrEnum):
    """How a literal was written, which says what it may be read as."""

    BARE = "bare"
    QUOTED = "quoted"
    JSON = "json"


class Spelt(msgspec.Struct, frozen=True, kw_only=True):
    """A literal as spelt.

    Attributes
    ----------
    text
        As written, quotes removed.
    value
        Of the JSON form alone: None is null.
    unit
        Behind it, empty for none.
    """

    at: Place
    spelling: Spelling
    text: str = ""
    value: str | int | float | bool | None = None
    unit: str = ""


class FieldName(msgspec.Struct, frozen=True, kw_only=True):
    """A field's dotted name as spelt, backticks removed."""

    at: Place
    text: str


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A field and what is asked of it.

    Attributes
    ----------
    operator
        ``= != < <= > >= ~ in between exists missing``.
    values
        As many as the operator takes.
    """

    at: Place
    field: FieldName
    operator: str
    values: tuple[Spelt, ...] = ()


class FullText(msgspec.Struct, frozen=True, kw_only=True):
    """Words that a run's text has."""

    at: Place
    text: str


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A named query."""

    at: Place
    name: str


class Negation(msgspec.Struct, frozen=True, kw_only=True):
    """The part is not so."""

    at: Place
    part: "Spoken"


class Junction(msgspec.Struct, frozen=True, kw_only=True):
    """Parts joined by ``and`` or ``or``."""

    at: Place
    word: str
    parts: tuple["Spoken", ...]


Spoken = Condition | FullText | Named | Negation | Junction
