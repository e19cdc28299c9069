"""What a catalog can be searched by, and its JSON form.

Text is in the query language; a dictionary means equality of each of its keys. Query
objects of tiled and of bluesky-tiled-plugins are understood by their names and fields,
without loading either (``reference/catalog.md``, section 2). Keys are looked for in the
start document unless they begin with ``stop.`` or name a field of the run.
"""

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any

Form = dict[str, Any]
"""The JSON form of a query, as `quire.runs.query.json_form` describes it."""

_COMPARISONS = {"lt": "<", "gt": ">", "le": "<=", "ge": ">="}


def form_of(query: Any) -> Form | None:
    """Return the JSON form of a query; None for text, which the server reads.

    Raises
    ------
    TypeError
        It is no query that is known.
    ValueError
        It asks what cannot be asked.
    """
    if isinstance(query, str):
        if not query.strip():
            raise ValueError("the query is empty")
        return None
    if isinstance(query, Mapping):
        return all_of([_compare(key, "=", value) for key, value in query.items()])
    build = _FORMS.get(type(query).__name__)
    if build is None:
        known = ", ".join(sorted(name.lstrip("_") for name in _FORMS))
        raise TypeError(
            f"{type(query).__name__} is no query; give text, a dictionary or one of"
            f" {known}"
        )
    return build(query)


def all_of(parts: list[Form]) -> Form:
    """Return what holds where all parts do.

    Raises
    ------
    ValueError
        There are none.
    """
    if not parts:
        raise ValueError("the query is empty")
    return parts[0] if len(parts) == 1 else {"and": parts}


def any_of(parts: list[Form]) -> Form:
    """Return what holds where a part does."""
    return parts[0] if len(parts) == 1 else {"or": parts}


def _compare(field: str, operator: str, value: Any) -> Form:
    return {"field": field, "op": operator, "value": _plain(value)}


def _one_of(field: str, values: Iterable[Any]) -> Form:
    """Return what holds for these values; of none it holds for no run."""
    found = [_plain(one) for one in values]
    none = {"field": "uid", "op": "missing"}
    return {"field": field, "op": "in", "values": found} if found else none


def _plain(value: Any) -> Any:
    """Return what JSON can write, also of a number of NumPy."""
    found: Any = value.item() if type(value).__module__ == "numpy" else value
    if isinstance(found, float) and not isfinite(found):
        raise ValueError(f"{found} cannot be asked for; runs have no such values")
    if not isinstance(found, str | int | float | list | Mapping | None):
        kind = type(found).__name__
        mend = "a string, a number or a boolean; a time is its Unix seconds"
        raise TypeError(f"{kind} cannot be asked for; give {mend}")
    return found


def _in(query: Any) -> Form:
    return _one_of(query.key, query.value)


def _comparison(query: Any) -> Form:
    name = getattr(query.operator, "value", query.operator)
    return _compare(query.key, _COMPARISONS[str(name)], query.value)


def _like(query: Any) -> Form:
    pattern = query.pattern
    if "*" in pattern or "?" in pattern:
        raise ValueError("Like with * or ? in its text cannot be asked; use text and ~")
    return _compare(query.key, "~", pattern.replace("%", "*").replace("_", "?"))


def _regex(query: Any) -> Form:
    if not query.case_sensitive:
        raise ValueError("Regex without case cannot be asked; use case_sensitive=True")
    return _compare(query.key, "regex", query.pattern)


def _present(query: Any) -> Form:
    return {"field": query.key, "op": "exists" if query.exists else "missing"}


def _scan_ids(query: Any) -> Form:
    if str(getattr(query.duplicates, "value", query.duplicates)) == "error":
        raise ValueError("ScanID with duplicates='error' cannot be asked of a search")
    return _one_of("scan_id", query.scan_ids)


def _scan_id_range(query: Any) -> Form:
    return {
        "and": [
            _compare("scan_id", ">=", query.start_id),
            _compare("scan_id", "<", query.end_id),
        ]
    }


def _partial_uids(query: Any) -> Form:
    parts = [_compare("uid", "~", f"{uid}*") for uid in query.partial_uids]
    return any_of(parts) if parts else _one_of("uid", ())


def _time_range(query: Any) -> Form:
    # Told apart from None: 0 is a time.
    ends = ((">=", query.since), ("<", query.until))
    parts = [_compare("time", op, float(end)) for op, end in ends if end is not None]
    return all_of(parts or [_exists("uid")])


def _exists(field: str) -> Form:
    return {"field": field, "op": "exists"}


_FORMS: Mapping[str, Callable[[Any], Form]] = {
    "Eq": lambda query: _compare(query.key, "=", query.value),
    "NotEq": lambda query: _compare(query.key, "!=", query.value),
    "Contains": lambda query: _compare(query.key, "=", query.value),
    "Comparison": _comparison,
    "In": _in,
    "NotIn": lambda query: {"not": _in(query)},
    "Like": _like,
    "Regex": _regex,
    "KeyPresent": _present,
    # The keys of a catalog are its runs' uids.
    "KeysFilter": lambda query: _one_of("uid", query.keys),
    "FullText": lambda query: {"text": query.text},
    "_ScanID": _scan_ids,
    "ScanIDRange": _scan_id_range,
    "_PartialUID": _partial_uids,
    "TimeRange": _time_range,
}
