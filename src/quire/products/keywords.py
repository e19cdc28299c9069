"""Keywords as a specification states them, and cards as a header holds them.

The logical name of a keyword is what rules and collisions go by: ``EXPTIME`` for
a value keyword, ``INS TEMP1 VAL`` (without ``HIERARCH ESO``) for an ESO keyword.
Source: ESO ifw-daq, fits-keywords.html.
"""

import re
from enum import StrEnum

import msgspec

VALUE_NAME = re.compile(r"[A-Z0-9_-]{1,8}")
ESO_NAME = re.compile(r"[A-Z0-9_-]+(?: [A-Z0-9_-]+)*")
ESO_NAME_LENGTH = 63

COMMENTARY = frozenset({"COMMENT", "HISTORY", ""})
# The merger states these itself (Data Interface Control Document).
RESERVED = frozenset({"ARCFILE", "ORIGFILE", "DATE", "CHECKSUM", "DATASUM"})
_STRUCTURAL = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS[0-9]*|PCOUNT|GCOUNT|GROUPS|EXTEND|END|CONTINUE"
    r"|TFIELDS|TFORM[0-9]+|TBCOL[0-9]+"
)


class CardKind(StrEnum):
    """How a card is named and selected."""

    VALUE = "value"
    ESO = "eso"
    COMMENTARY = "commentary"


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One keyword record, with the CONTINUE records that belong to it.

    Attributes
    ----------
    name
        Logical name.
    image
        The record's bytes as they stand in a header: a multiple of 80.
    """

    kind: CardKind
    name: str
    image: bytes


class ValueKeyword(
    msgspec.Struct, frozen=True, kw_only=True, tag="valueKeyword", tag_field="type"
):
    """A keyword with a name of at most 8 characters."""

    name: str
    value: bool | int | float | str
    comment: str = ""


class EsoKeyword(
    msgspec.Struct, frozen=True, kw_only=True, tag="esoKeyword", tag_field="type"
):
    """A keyword of ESO's hierarchy, named without ``HIERARCH ESO``."""

    name: str
    value: bool | int | float | str
    comment: str = ""


class LiteralKeyword(
    msgspec.Struct, frozen=True, kw_only=True, tag="literalKeyword", tag_field="type"
):
    """A whole record of at most 80 characters, taken as it is."""

    value: str


Keyword = ValueKeyword | EsoKeyword | LiteralKeyword


def is_structural(name: str) -> bool:
    """Return whether a value keyword describes the file's own structure.

    Such a keyword is never copied from a source (FITS 4.0, section 4.4.1).
    """
    return _STRUCTURAL.fullmatch(name) is not None


def name_fault(kind: CardKind, name: str) -> str:
    """Return what is wrong with a logical name, or an empty text."""
    if kind is CardKind.COMMENTARY:
        return "" if name in COMMENTARY else f"{name!r} is no commentary keyword"
    if kind is CardKind.ESO:
        if len(name) > ESO_NAME_LENGTH:
            return f"more than {ESO_NAME_LENGTH} characters"
        good = ESO_NAME.fullmatch(name) is not None
        return "" if good else "not words of A-Z, 0-9, - and _ with one space between"
    if VALUE_NAME.fullmatch(name) is None:
        return "not 1 to 8 characters of A-Z, 0-9, - and _"
    if name in COMMENTARY:
        return "a commentary keyword has no value: use a literalKeyword"
    return "it describes the file's own structure" if is_structural(name) else ""
