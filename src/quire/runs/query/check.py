"""From what was spelt to a checked tree: fields looked up, types and units settled."""

from collections.abc import Callable

from quire.runs.query.errors import (
    Place,
    QuerySyntaxError,
    QueryTooLarge,
    WrongType,
)
from quire.runs.query.evaluate import type_of
from quire.runs.query.fields import Field, FieldType
from quire.runs.query.limits import (
    DEEPEST,
    MOST_CONDITIONS,
    MOST_IN_ALL,
    MOST_VALUES,
    check_characters,
    too_deep,
)
from quire.runs.query.literals import is_null, literal, span, spelt_pattern, whole
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.syntax import (
    Condition,
    FullText,
    Junction,
    Named,
    Negation,
    Spelling,
    Spelt,
    Spoken,
)
from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Literal,
    Missing,
    Not,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.words import words_in

Expand = Callable[[Named, "Check", int], Tree]
"""Returns the tree that a named query stands for, at some depth."""

_ORDERED = frozenset({"<", "<=", ">", ">="})


class Check:
    """Checks one query, its named parts included.

    Parameters
    ----------
    now
        Unix seconds; None where ``now`` has no meaning.
    expand
        Looks named queries up.
    """

    def __init__(
        self, fields: FieldRegistry, now: float | None, expand: Expand
    ) -> None:
        self._fields = fields
        self._now = now
        self._expand = expand
        self._conditions = 0
        self._values = 0

    def tree(self, spoken: Spoken, depth: int = 1) -> Tree:
        """Return what was spelt as a checked tree.

        Raises
        ------
        QueryError
            If it cannot be asked.
        """
        if depth > DEEPEST:
            raise too_deep(spoken.at)
        match spoken:
            case Junction():
                parts = tuple(self.tree(part, depth + 1) for part in spoken.parts)
                return And(parts=parts) if spoken.word == "and" else Or(parts=parts)
            case Negation():
                return Not(part=self.tree(spoken.part, depth + 1))
            case Named():
                return self._expand(spoken, self, depth)
            case FullText():
                words = _full_text(spoken)
                self.count(spoken.at, len(words.words))
                return words
            case Condition():
                self.count(spoken.at, len(spoken.values))
                return self._condition(spoken)

    def count(self, at: Place, values: int) -> None:
        """Note that there is one condition more, of so many values or words.

        Raises
        ------
        QueryTooLarge
            If there are too many.
        """
        self._conditions += 1
        self._values += values
        if self._values > MOST_IN_ALL:
            reason = f"a query has at most {MOST_IN_ALL:,} values and words in all"
            raise QueryTooLarge(at, reason, "use ranges: field in a..b")
        if self._conditions > MOST_CONDITIONS:
            raise QueryTooLarge(
                at,
                f"a query has at most {MOST_CONDITIONS} conditions, those of its named"
                " queries included",
                "use lists and ranges: field in [a, b], field in a..b",
            )

    def _condition(self, asked: Condition) -> Tree:
        field = self._fields.field(asked.field.text, asked.field.at)
        match asked.operator:
            case "exists":
                return Exists(field=field.path)
            case "missing":
                return Missing(field=field.path)
            case "~":
                pattern = spelt_pattern(field, asked.values[0])
                self._fits(field, "", asked.values[0])
                return Glob(field=field.path, pattern=pattern)
            case "between":
                return self._between(field, *asked.values)
            case "in":
                return self._one_of(field, asked)
            case _:
                return self._compare(field, asked.operator, asked.values[0])

    def _compare(self, field: Field, sign: str, spelt: Spelt) -> Tree:
        if is_null(spelt) and sign in ("=", "!="):
            missing = sign == "="
            return Missing(field=field.path) if missing else Exists(field=field.path)
        if field.type is FieldType.TIME:
            return self._time(field, sign, spelt)
        value = self._value(field, spelt)
        if sign in _ORDERED:
            _ordered(field, value, spelt)
        else:
            value = whole(field, value, spelt)
        return Compare(field=field.path, operator=Operator(sign), value=value)

    def _time(self, field: Field, sign: str, spelt: Spelt) -> Tree:
        when = span(field, spelt, self._now)
        if sign in _ORDERED or when.last is None:
            return Compare(field=field.path, operator=Operator(sign), value=when.first)
        within = _within(field, when.first, when.last)
        return within if sign == "=" else Not(part=within)

    def _one_of(self, field: Field, asked: Condition) -> Tree:
        if len(asked.values) > MOST_VALUES:
            at = asked.values[MOST_VALUES].at
            raise QueryTooLarge(at, f"a list has at most {MOST_VALUES:,} values")
        if field.type is FieldType.TIME:
            for each in asked.values[1:]:  # a condition each
                self.count(each.at, 0)
            return Or(
                parts=tuple(self._time(field, "=", each) for each in asked.values)
            )
        values = (whole(field, self._value(field, each), each) for each in asked.values)
        return OneOf(field=field.path, values=tuple(values))

    def _between(self, field: Field, low: Spelt, high: Spelt) -> Tree:
        if high.unit and not low.unit and low.spelling is not Spelling.QUOTED:
            low = Spelt(
                at=low.at,
                spelling=low.spelling,
                text=low.text,
                value=low.value,
                unit=high.unit,
            )
        if field.type is FieldType.TIME:
            first, last = (span(field, each, self._now) for each in (low, high))
            _rising(first.first, last.first, low)
            if last.last is not None:
                return _within(field, first.first, last.last)
            return Between(field=field.path, low=first.first, high=last.first)
        least, most = self._value(field, low), self._value(field, high)
        if type_of(least) is not type_of(most):
            raise WrongType(high.at, "a range is of two numbers or of two strings")
        _ordered(field, least, low)
        _rising(least, most, low)
        return Between(field=field.path, low=least, high=most)

    def _value(self, field: Field, spelt: Spelt) -> Literal:
        value = literal(field, spelt)
        self._fits(field, value, spelt)
        return value

    def _fits(self, field: Field, value: Literal, spelt: Spelt) -> None:
        types = self._fields.types_of(field)
        if types is None or _OF_LITERAL[type_of(value)] & types:
            return
        seen = " or ".join(sorted(each.value for each in types))
        reason = f"no run has such a value of {field.name}: it is {seen}"
        mend = "" if FieldType.STRING not in types else "put text in quotes"
        raise WrongType(spelt.at, reason, mend)


_OF_LITERAL = {
    str: frozenset({FieldType.STRING}),
    bool: frozenset({FieldType.BOOLEAN}),
    float: frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.TIME}),
}


def _within(field: Field, first: float, last: float) -> Tree:
    return And(
        parts=(
            Compare(field=field.path, operator=Operator.GREATER_OR_EQUAL, value=first),
            Compare(field=field.path, operator=Operator.LESS, value=last),
        )
    )


def _ordered(field: Field, value: Literal, spelt: Spelt) -> None:
    if isinstance(value, bool):
        mend = f"write {field.name} = true or {field.name} = false"
        raise WrongType(spelt.at, "true and false have no order", mend)
    if field.type is FieldType.OPEN and spelt.spelling is Spelling.BARE:
        _no_joined_unit(field, spelt)


def _no_joined_unit(field: Field, spelt: Spelt) -> None:
    """Refuse ``energy > 8keV`` of an undeclared field: it would compare texts."""
    numeric = Field(name=field.name, path=field.path, type=FieldType.NUMBER)
    if spelt.text[:1].isdecimal() and "-" not in spelt.text:
        literal(numeric, spelt)


def _rising(low: Literal, high: Literal, spelt: Spelt) -> None:
    if low > high:  # type: ignore[operator]
        raise WrongType(
            spelt.at, "the range is empty: it ends before it begins", "a..b"
        )


def _full_text(spoken: FullText) -> Text:
    check_characters(spoken.text, spoken.at)
    words = dict.fromkeys(words_in(spoken.text))
    if not words:
        raise QuerySyntaxError(
            spoken.at, "no word to look for", 'write text("copper foil")'
        )
    return Text(words=tuple(words))
