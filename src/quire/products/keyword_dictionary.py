"""Keyword dictionaries: which keywords a product may have, and how they look.

The form is our own; what it says of a keyword is what ESO's data interface
dictionaries say (DICD): name, type, format, unit, comment, mandatory. A small ``i`` at
the end of a word stands for any number or none, as there: ``INS TEMPi VAL``.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from quire.errors import InputError, ManyInputErrors
from quire.products.cards import CardError, Value, parse_value, read_cards
from quire.products.keywords import (
    RESERVED,
    Card,
    CardKind,
    EsoKeyword,
    Keyword,
    LiteralKeyword,
    ValueKeyword,
    is_structural,
)
from quire.products.specification import DataProductSpecification, FitsKeywords

_NAME = re.compile(r"[A-Z0-9_-]+i?( [A-Z0-9_-]+i?)*")
_FORMAT = re.compile(r"%[-+ 0#]*[0-9]*(\.[0-9]+)?[deEfgGs]")
_NUMERIC = re.compile(r"[deEfgG]$")
_MOST_KEYWORDS = 100_000
# The merger writes it by itself where strings are long.
_OWN = frozenset({"LONGSTRN"})


class KeywordType(StrEnum):
    """What a keyword's value is."""

    STRING = "string"
    INTEGER = "integer"
    DOUBLE = "double"
    LOGICAL = "logical"


class DictionaryEntry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What a dictionary says of a keyword.

    Attributes
    ----------
    format
        As C's ``printf`` has it, of one value; empty for as many digits as it takes.
    unit
        Goes in brackets before the comment.
    mandatory
        Whether a product without it is blocked.
    """

    type: KeywordType
    format: str = ""
    unit: str = ""
    comment: str = ""
    mandatory: bool = False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keywords: dict[str, DictionaryEntry]
    description: str = ""


class KeywordDictionary(msgspec.Struct, frozen=True, kw_only=True):
    """A dictionary.

    Attributes
    ----------
    name
        As a specification names it.
    entries
        By name: of an ESO keyword without ``HIERARCH ESO``.
    """

    name: str
    entries: Mapping[str, DictionaryEntry]

    def entry(self, name: str) -> DictionaryEntry | None:
        """Return what it says of a keyword, None if it does not know it."""
        found = self.entries.get(name)
        if found is not None:
            return found
        for indexed, entry in self.entries.items():
            if "i" in indexed and _indexed(indexed).fullmatch(name):
                return entry
        return None


def _indexed(name: str) -> re.Pattern[str]:
    # Names have no other small letter, and re keeps what it has compiled.
    return re.compile(re.escape(name).replace("i", "[0-9]*"))


def read_dictionary(name: str, text: str) -> KeywordDictionary:
    """Read a dictionary's TOML.

    Raises
    ------
    ManyInputErrors
        It cannot be used; says where and why, all at once.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as error:
        raise ManyInputErrors([InputError(name, f"is not TOML: {error}")]) from None
    except msgspec.ValidationError as error:
        raise ManyInputErrors([InputError(name, str(error))]) from None
    if wrong := list(_faults(name, file)):
        raise ManyInputErrors(wrong)
    return KeywordDictionary(name=name, entries=file.keywords)


def _faults(name: str, file: _File) -> Iterator[InputError]:
    if len(file.keywords) > _MOST_KEYWORDS:
        yield InputError(name, f"more than {_MOST_KEYWORDS} keywords")
    for keyword, entry in file.keywords.items():
        place = f"{name}: keywords.{keyword!r}"
        if not _NAME.fullmatch(keyword):
            mend = "words of A-Z, 0-9, - and _, with a small i for a number"
            yield InputError(place, "is no name of a keyword", mend)
        if entry.format and not _FORMAT.fullmatch(entry.format):
            mend = "such as '%.3f', '%d' or '%s'"
            yield InputError(f"{place}.format", f"{entry.format!r} is none", mend)
        elif entry.format and not _suits(entry):
            reason = f"{entry.format!r} formats no {entry.type}"
            yield InputError(f"{place}.format", reason)


def _suits(entry: DictionaryEntry) -> bool:
    numeric = entry.type in (KeywordType.INTEGER, KeywordType.DOUBLE)
    return numeric == bool(_NUMERIC.search(entry.format))


class Dictionaries:
    """The dictionaries of one specification; without any nothing is checked."""

    def __init__(self, dictionaries: Sequence[KeywordDictionary] = ()) -> None:
        self._dictionaries = tuple(dictionaries)

    @property
    def names(self) -> str:
        """Their names, for messages."""
        return ", ".join(one.name for one in self._dictionaries)

    def conformed(self, keyword: Keyword) -> Keyword:
        """Return a specification's keyword as its dictionary wants it written.

        An integer becomes a double, format and comment come from the dictionary.
        """
        if not self._dictionaries or isinstance(keyword, LiteralKeyword):
            return keyword
        entry = self._entry(keyword.name)
        if entry is None:
            return keyword
        comment = keyword.comment or _comment(entry)
        return replace(keyword, value=_formatted(keyword, entry), comment=comment)

    def keyword_faults(
        self, keywords: Sequence[Keyword], place: str
    ) -> Iterator[InputError]:
        """Yield what is wrong with a specification's keywords, each with its place."""
        for index, keyword in enumerate(keywords):
            if isinstance(keyword, LiteralKeyword):
                fault = "".join(self._literal_faults(keyword))
            else:
                fault = self._fault(keyword.name, keyword.value)
            if fault:
                yield InputError(f"{place}/keywords/{index}", fault)

    def card_fault(self, card: Card) -> str:
        """Return what is wrong with a source's card, or an empty text."""
        name = card.name
        if (
            not self._dictionaries
            or card.kind is CardKind.COMMENTARY
            or name in RESERVED
            or name in _OWN
        ):
            return ""
        if card.kind is CardKind.VALUE and is_structural(name):
            return ""
        try:
            return self._fault(name, parse_value(card))
        except CardError as fault:
            return f"{name}: {fault}"

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the mandatory keywords that are not among those names."""
        present = set(names)
        return tuple(
            f"{name} of dictionary {one.name!r}"
            for one in self._dictionaries
            for name, entry in one.entries.items()
            if entry.mandatory
            and not any(_indexed(name).fullmatch(known) for known in present)
        )

    def _literal_faults(self, keyword: LiteralKeyword) -> Iterator[str]:
        for card in read_cards(keyword.value.ljust(80).encode("ascii")):
            yield self.card_fault(card)

    def _entry(self, name: str) -> DictionaryEntry | None:
        found = (one.entry(name) for one in self._dictionaries)
        return next((entry for entry in found if entry is not None), None)

    def _fault(self, name: str, value: Value) -> str:
        if not self._dictionaries:
            return ""
        entry = self._entry(name)
        if entry is None:
            return f"keyword {name!r} is in none of the dictionaries {self.names}"
        if value is None or _fits(value, entry.type):
            return ""
        shown = f"{value!r:.40}"
        return f"keyword {name!r} has {shown}, but {self.names} has {entry.type}"


def _fits(value: Value, wanted: KeywordType) -> bool:
    match wanted:
        case KeywordType.STRING:
            return isinstance(value, str)
        case KeywordType.LOGICAL:
            return isinstance(value, bool)
        case KeywordType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case KeywordType.DOUBLE:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _formatted(keyword: ValueKeyword | EsoKeyword, entry: DictionaryEntry) -> Any:
    value = keyword.value
    if entry.type is not KeywordType.DOUBLE or isinstance(value, bool | str):
        return value
    return float(entry.format % value) if entry.format else float(value)


def _comment(entry: DictionaryEntry) -> str:
    unit = f"[{entry.unit}]" if entry.unit else ""
    return " ".join(part for part in (unit, entry.comment) if part)


def specification_faults(
    specification: DataProductSpecification, known: Dictionaries, *, at: str = ""
) -> list[InputError]:
    """Return what dictionaries find wrong with a specification's own keywords.

    Parameters
    ----------
    at
        Goes before the place of each.
    """
    return [
        fault
        for place, source in enumerate(specification.sources)
        if isinstance(source, FitsKeywords)
        for fault in known.keyword_faults(source.keywords, f"{at}/sources/{place}")
    ]
