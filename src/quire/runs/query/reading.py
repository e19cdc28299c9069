"""What each rule of the grammar makes of its parts: lark calls these as it parses."""

import re
from typing import Protocol

from quire.runs.query.syntax import (
    Condition,
    FieldName,
    FullText,
    Junction,
    Named,
    Negation,
    Spelling,
    Spelt,
    Spoken,
)

_PART = re.compile(r"`((?:[^`]|``)+)`|\w+")
_FIELD = re.compile(rf"(?:{_PART.pattern})(?:\.(?:{_PART.pattern}))*")


class Word(Protocol):
    """A terminal of the text, as lark gives it."""

    type: str
    start_pos: int | None

    def __str__(self) -> str:
        """Return it as written."""
        ...


class Reading:
    """Callbacks, one a rule, each given its children."""

    def any(self, parts: list[Spoken]) -> Spoken:
        """Join by ``or``."""
        return _joined("or", parts)

    def all(self, parts: list[Spoken]) -> Spoken:
        """Join by ``and``."""
        return _joined("and", parts)

    def negate(self, parts: tuple[Word, Spoken]) -> Spoken:
        """Negate."""
        sign, part = parts
        return Negation(at=_at(sign), part=part)

    def compare(self, parts: tuple[FieldName, Word, Spelt]) -> Spoken:
        """Compare a field with a value."""
        field, sign, value = parts
        operator = "=" if str(sign) == "==" else str(sign)
        return _condition(field, operator, value)

    def glob(self, parts: tuple[FieldName, Word]) -> Spoken:
        """Match a field by a pattern."""
        field, pattern = parts
        return _condition(field, "~", _spelt(pattern))

    def one_of(self, parts: list[FieldName | Spelt]) -> Spoken:
        """Ask for any of some values."""
        field, *values = parts
        return Condition(at=field.at, field=field, operator="in", values=tuple(values))  # type: ignore[arg-type]

    def none_of(self, parts: list[FieldName | Word | Spelt]) -> Spoken:
        """Ask for none of some values."""
        field, sign, *values = parts
        return Negation(at=_at(sign), part=self.one_of([field, *values]))  # type: ignore[arg-type, list-item]

    def between(self, parts: tuple[FieldName, Spelt, Spelt]) -> Spoken:
        """Ask for a range."""
        field, low, high = parts
        return _condition(field, "between", low, high)

    def exists(self, parts: tuple[FieldName]) -> Spoken:
        """Ask for any value."""
        return _condition(parts[0], "exists")

    def missing(self, parts: tuple[FieldName]) -> Spoken:
        """Ask for no value."""
        return _condition(parts[0], "missing")

    def text(self, parts: tuple[Word]) -> Spoken:
        """Ask for words."""
        found = _spelt(parts[0])
        return FullText(at=found.at, text=found.text)

    def named(self, parts: tuple[Word]) -> Spoken:
        """Use a named query."""
        return Named(at=_at(parts[0]), name=str(parts[0])[1:])

    def field(self, parts: tuple[Word]) -> FieldName:
        """Take backticks off."""
        return FieldName(at=_at(parts[0]), text=dotted(str(parts[0])))

    def value(self, parts: list[Word]) -> Spelt:
        """Take quotes off, and keep a unit."""
        unit = str(parts[1]) if len(parts) > 1 else ""
        return _spelt(parts[0], unit)


def unquoted(name: str) -> str:
    """Return a field's name as it is meant where it stands alone.

    It may be written as in a query, with backticks, or plainly as in the JSON form.
    """
    return dotted(name) if "`" in name and _FIELD.fullmatch(name) else name


def dotted(name: str) -> str:
    """Return a field's name without its backticks."""
    found = _PART.finditer(name)
    return ".".join(
        each[0] if each[1] is None else each[1].replace("``", "`") for each in found
    )


def _joined(word: str, parts: list[Spoken]) -> Spoken:
    first = parts[0]
    if len(parts) == 1:
        return first
    return Junction(at=first.at, word=word, parts=tuple(parts))


def _condition(field: FieldName, operator: str, *values: Spelt) -> Condition:
    return Condition(at=field.at, field=field, operator=operator, values=values)


def _spelt(word: Word, unit: str = "") -> Spelt:
    text = str(word)
    if word.type != "STRING":
        return Spelt(at=_at(word), spelling=Spelling.BARE, text=text, unit=unit)
    quote = text[0]
    plain = text[1:-1].replace(quote * 2, quote)
    return Spelt(at=_at(word), spelling=Spelling.QUOTED, text=plain, unit=unit)


def _at(word: Word) -> int:
    return (word.start_pos or 0) + 1
