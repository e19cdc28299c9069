"""What people type into a search box: expressions, and shorter things.

=============================== ====================================================
typed                           found
=============================== ====================================================
``4371``                        ``scan_id`` or ``run`` is 4371
``3000-5000``, ``7, 9, 20-30``  ``scan_id`` or ``run`` is one of these, ends included
``e26``, ``e26:100-200``        ``experiment`` is 26, ``run`` within it
``2026-11``, ``2026-11-01``     started in that month, on that day (UTC)
``3f2a9c01``, ``3f2a9c01-77``   ``uid`` begins so; without a dash, words of text too
``copper foil or nickel``       words of text, in any order; and, or, not as usual
=============================== ====================================================

Whatever has a sign of the language in it (``= < > ~ @ ( [ " ' ..``) is an expression.
"""

import re
from typing import Any

from quire.runs.query.errors import QueryError
from quire.runs.query.parser import QueryParser
from quire.runs.query.tree import Tree

_RANGE = r"\d{1,18}(?:\s*-\s*\d{1,18})?"
_RANGES = rf"{_RANGE}(?:\s*,\s*{_RANGE})*"
_NUMBERS = re.compile(_RANGES, re.ASCII)
_EXPERIMENT = re.compile(
    rf"e(?P<number>\d{{1,9}})(?:\s*:\s*(?P<runs>{_RANGES}))?", re.ASCII | re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?:-\d\d)?", re.ASCII)
_UID = re.compile(
    r"[0-9a-f]{5,32}|[0-9a-f]{8}-[0-9a-f-]{0,27}", re.ASCII | re.IGNORECASE
)
_SIGN = re.compile(r"[=<>~@()\[\]\"'`]|\.\.")
_OPERATOR = re.compile(r"\b(and|or|not)\b", re.IGNORECASE)
_PLAIN_DIGITS = 7
"""More digits than these may be the beginning of a uid too."""


def boxed(text: str, parser: QueryParser, *, now: float | None = None) -> Tree:
    """Return what was typed into a search box as a checked tree.

    Raises
    ------
    QueryError
        If it is an expression that cannot be asked, or nothing.
    """
    typed = text.strip()
    form = _short_form(typed)
    if form is not None:
        return _of_form(form, parser, now)
    if _SIGN.search(typed) or not typed:
        return parser.parse(text, now=now)
    try:
        return parser.parse(_quoted(typed), now=now)
    except QueryError:
        return _of_form({"text": typed}, parser, now)


def _of_form(form: dict[str, Any], parser: QueryParser, now: float | None) -> Tree:
    try:
        return parser.from_json(form, now=now)
    except QueryError as error:
        # Nobody wrote the form: what is wrong is wrong with all that was typed.
        raise type(error)(1, error.bare_reason, error.mend) from None


def _short_form(typed: str) -> dict[str, Any] | None:
    if _DATE.fullmatch(typed):
        return {"field": "time", "op": "=", "value": typed}
    experiment = _EXPERIMENT.fullmatch(typed)
    if experiment is not None:
        return _of_experiment(int(experiment["number"]), experiment["runs"], typed)
    forms: list[dict[str, Any]] = []
    if _NUMBERS.fullmatch(typed):
        forms += [form for name in ("scan_id", "run") for form in _in(name, typed)]
    if _UID.fullmatch(typed) and not (forms and len(typed) <= _PLAIN_DIGITS):
        forms += _begins(typed)
    return _any(forms) if forms else None


def _of_experiment(number: int, runs: str | None, typed: str) -> dict[str, Any]:
    form: dict[str, Any] = {"field": "experiment", "op": "=", "value": number}
    if runs is not None:
        return {"and": [form, _any(_in("run", runs))]}
    return _any([form, *_begins(typed)]) if _UID.fullmatch(typed) else form


def _begins(typed: str) -> list[dict[str, Any]]:
    spellings = dict.fromkeys((typed.lower(), typed))
    forms: list[dict[str, Any]] = [
        {"field": "uid", "op": "~", "value": f"{each}*"} for each in spellings
    ]
    return forms if "-" in typed else [*forms, {"text": typed}]


def _in(name: str, listed: str) -> list[dict[str, Any]]:
    forms: list[dict[str, Any]] = []
    single: list[int] = []
    for each in listed.split(","):
        first, dash, last = each.partition("-")
        if not dash:
            single.append(int(first))
            continue
        low, high = sorted((int(first), int(last)))
        forms.append({"field": name, "op": "between", "low": low, "high": high})
    if len(single) == 1:
        forms.append({"field": name, "op": "=", "value": single[0]})
    elif single:
        forms.append({"field": name, "op": "in", "values": single})
    return forms


def _any(forms: list[dict[str, Any]]) -> dict[str, Any]:
    return forms[0] if len(forms) == 1 else {"or": forms}


def _quoted(typed: str) -> str:
    """Return words as an expression: each stretch between and, or, not in quotes."""
    parts = (part.strip() for part in _OPERATOR.split(typed))
    return " ".join(
        part if _OPERATOR.fullmatch(part) else f'"{part}"' for part in parts if part
    )
