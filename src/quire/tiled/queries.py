"""Tiled's queries as conditions on runs."""

from typing import Any

from tiled.queries import QueryValueError  # type: ignore[import-untyped]
from tiled.utils import UnsupportedQueryType  # type: ignore[import-untyped]

from quire.client.queries import Form, form_of

_SPECS = frozenset({"BlueskyRun"})
_NONE: Form = {"field": "uid", "op": "missing"}
_ALL: Form = {"field": "uid", "op": "exists"}
# What a run is known by, whether its start document is meant or the run.
_SAME = {f"start.{name}": name for name in ("uid", "scan_id", "time", "plan_name")}


def condition(query: Any) -> Form:
    """Return the JSON form of a query of tiled.

    Raises
    ------
    QueryValueError, UnsupportedQueryType
        It cannot be asked; a tiled server answers with 400.
    """
    name = type(query).__name__
    try:
        if name == "StructureFamilyQuery":
            return _ALL if query.value == "container" else _NONE
        if name == "SpecsQuery":
            fits = _SPECS.issuperset(query.include) and _SPECS.isdisjoint(query.exclude)
            return _ALL if fits else _NONE
        form = form_of(query)
    except TypeError:
        raise UnsupportedQueryType(name) from None
    except (ValueError, KeyError) as error:
        raise QueryValueError(str(error)) from error
    if form is None:
        raise UnsupportedQueryType(name)
    return _shortened(form)


def _shortened(form: Form) -> Form:
    for word in ("and", "or"):
        if word in form:
            return {word: [_shortened(part) for part in form[word]]}
    if "not" in form:
        return {"not": _shortened(form["not"])}
    if "field" in form:
        return {**form, "field": _SAME.get(form["field"], form["field"])}
    return form
