"""The JSON form of queries, in which trees are stored and sent.

========================================================= ============================
form                                                      as text
========================================================= ============================
``{"and": [...]}``, ``{"or": [...]}``, ``{"not": ...}``   ``and``, ``or``, ``not``
``{"field": "energy", "op": ">", "value": 8,              ``energy > 8 keV``
"unit": "keV"}``; ``op`` is one of ``= != < <= > >= ~``
``{"field": "scan_id", "op": "in", "values": [1, 2]}``    ``scan_id in [1, 2]``
``{"field": "scan_id", "op": "between", "low": 1,         ``scan_id in 1..2``
"high": 2}``
``{"field": "scan_id", "op": "exists"}``, ``"missing"``   ``exists(scan_id)``
``{"field": "plan_name", "op": "regex", "value":          ``plan_name ~ "scan*"``
"^scan"}``, where a glob says the same
``{"text": "copper foil"}``                               ``"copper foil"``
``{"name": "good"}``                                      ``@good``
========================================================= ============================

A field is written as in the text, without backticks. Times may be strings in ISO 8601,
``"now - 7 d"`` or Unix seconds.
"""

from typing import Any

from quire.runs.query.errors import QuerySyntaxError, WrongType
from quire.runs.query.limits import DEEPEST, check_characters, too_deep
from quire.runs.query.nearness import nearest
from quire.runs.query.regex import glob_of
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
from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Missing,
    Not,
    OneOf,
    Or,
    Text,
    Tree,
)

_ONE = ("value",)
_VALUES = {
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "~"), _ONE),
    "in": ("values",),
    "between": ("low", "high"),
    "exists": (),
    "missing": (),
}
_SORTS = ("and", "or", "not", "field", "text", "name")
_SHOWN = 40
_MOST = 2**63


def to_json(tree: Tree) -> dict[str, Any]:
    """Return the JSON form of a checked tree; `spoken_of` reads it back.

    Raises
    ------
    ValueError
        If a junction of it has no parts, which no query can say.
    """
    match tree:
        case And() | Or():
            if not tree.parts:
                raise ValueError("a junction without parts has no form")
            word = "and" if isinstance(tree, And) else "or"
            return {word: [to_json(part) for part in tree.parts]}
        case Not():
            return {"not": to_json(tree.part)}
        case Text():
            return {"text": " ".join(tree.words)}
        case _:
            return {"field": tree.field, **_asked(tree)}


def _asked(
    tree: Compare | OneOf | Between | Glob | Exists | Missing,
) -> dict[str, Any]:
    match tree:
        case Compare():
            return {"op": tree.operator.value, "value": tree.value}
        case Glob():
            return {"op": "~", "value": tree.pattern}
        case OneOf():
            return {"op": "in", "values": list(tree.values)}
        case Between():
            return {"op": "between", "low": tree.low, "high": tree.high}
        case Exists():
            return {"op": "exists"}
        case Missing():
            return {"op": "missing"}


def spoken_of(form: Any, at: str = "", depth: int = 1) -> Spoken:
    """Return what a JSON form says, its fields and values not looked at yet.

    Parameters
    ----------
    form
        As a JSON reader returns it.
    at
        JSON Pointer to where it stands.

    Raises
    ------
    QuerySyntaxError
        If it is no query.
    QueryTooLarge
        If it is nested too deeply.
    """
    if depth > DEEPEST:
        raise too_deep(at)
    sort = _sort(form, at)
    match sort:
        case "and" | "or":
            return _junction(form, sort, at, depth)
        case "not":
            part = spoken_of(form["not"], f"{at}/not", depth + 1)
            return Negation(at=at, part=part)
        case "text":
            return FullText(at=f"{at}/text", text=_text(form, "text", at))
        case "name":
            return Named(
                at=f"{at}/name", name=_text(form, "name", at).removeprefix("@")
            )
        case _:
            return _condition(form, at)


def _sort(form: Any, at: str) -> str:
    if not isinstance(form, dict):
        mend = 'such as {"field": "plan_name", "op": "=", "value": "scan"}'
        raise QuerySyntaxError(at, "a condition is an object", mend)
    found = [sort for sort in _SORTS if sort in form]
    if len(found) != 1:
        many = "has several of" if found else "has none of"
        raise QuerySyntaxError(at, f"{many} {', '.join(_SORTS)}", "give exactly one")
    if found[0] != "field":
        _no_others(form, {found[0]}, at)
    return found[0]


def _no_others(form: dict[str, Any], known: set[str], at: str) -> None:
    for name in form:
        if name not in known:
            place = f"{at}/{_escaped(name)}"
            listed = ", ".join(sorted(known))
            raise QuerySyntaxError(place, "is not known here", f"there may be {listed}")


def _junction(form: dict[str, Any], word: str, at: str, depth: int) -> Junction:
    parts = form[word]
    if not isinstance(parts, list | tuple) or not parts:
        mend = "a list of one or more"
        raise QuerySyntaxError(f"{at}/{word}", "is no list of conditions", mend)
    spoken = (
        spoken_of(part, f"{at}/{word}/{place}", depth + 1)
        for place, part in enumerate(parts)
    )
    return Junction(at=at, word=word, parts=tuple(spoken))


def _condition(form: dict[str, Any], at: str) -> Condition:
    operator = _text(form, "op", at)
    operator = "=" if operator == "==" else operator
    if operator == "regex":
        form, operator = _as_glob(form, at), "~"
    if operator not in _VALUES:
        raise _no_operator(operator, at)
    members = _VALUES[operator]
    _no_others(form, {"field", "op", *members, *(("unit",) if members else ())}, at)
    field = FieldName(at=f"{at}/field", text=_text(form, "field", at))
    if not field.text:
        raise QuerySyntaxError(field.at, "is empty", "name a field")
    check_characters(field.text, field.at)
    unit = _text(form, "unit", at) if "unit" in form else ""
    values: list[Spelt] = []
    for member in members:
        if member not in form:
            raise QuerySyntaxError(at, f"{member!r} is missing", f"{operator} wants it")
        values += _values(
            form[member], f"{at}/{member}", unit, several=operator == "in"
        )
    return Condition(at=at, field=field, operator=operator, values=tuple(values))


def _as_glob(form: dict[str, Any], at: str) -> dict[str, Any]:
    """Return the same with ``~``: other clients search by regular expressions."""
    glob = glob_of(_text(form, "value", at))
    if glob is None:
        reason = "this regular expression says more than a glob can"
        mend = "text, ., .*, ^ and $ alone; or the query language with ~, or, and"
        raise WrongType(f"{at}/value", reason, mend)
    return {**form, "op": "~", "value": glob}


def _values(given: Any, at: str, unit: str, *, several: bool) -> list[Spelt]:
    if not several:
        return [_value(given, at, unit)]
    if not isinstance(given, list | tuple) or not given:
        raise QuerySyntaxError(at, "is no list with values", "such as [1, 2]")
    return [_value(one, f"{at}/{place}", unit) for place, one in enumerate(given)]


def _value(given: Any, at: str, unit: str) -> Spelt:
    if given is not None and not isinstance(given, str | int | float | bool):
        raise WrongType(at, "is no single value", "a string, number or boolean")
    # Before anything shows it: Python writes no integer of very many digits.
    if isinstance(given, int) and abs(given) >= _MOST:
        raise WrongType(at, "is too great", "below 2^63 for integers")
    return Spelt(at=at, spelling=Spelling.JSON, value=given, unit=unit)


def _no_operator(operator: str, at: str) -> QuerySyntaxError:
    listed = " ".join(_VALUES)
    meant = nearest(operator, tuple(_VALUES))
    hint = "" if meant is None else f", did you mean {meant!r}?"
    reason = f"{operator[:_SHOWN]!r} is no operator{hint}"
    return QuerySyntaxError(f"{at}/op", reason, f"one of: {listed}")


def _text(form: dict[str, Any], member: str, at: str) -> str:
    text = form.get(member)
    if not isinstance(text, str):
        reason = "is missing" if member not in form else "is no string"
        raise QuerySyntaxError(f"{at}/{member}", reason, "a string")
    return text


def _escaped(name: Any) -> str:
    return str(name)[:_SHOWN].replace("~", "~0").replace("/", "~1")
