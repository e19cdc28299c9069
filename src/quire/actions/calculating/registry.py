"""The functions of a site: ours, those of installed packages, and the configured."""

import functools
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from quire.errors import InputError
from quire.products.projection.builtin import built_in
from quire.products.projection.functions import Function

GROUP = "quire.functions"


def every_function(places: Sequence[str] = ()) -> dict[str, Function]:
    """Return all functions by name.

    What an entry point of the group ``quire.functions`` names is called, and returns a
    `Function` or several; so is what a configured place names.

    Parameters
    ----------
    places
        The setting ``functions`` of ``[projecting]``: each ``module:callable``. It
        is the operator's word, never a document's.

    Raises
    ------
    InputError
        A package's or a place's cannot be used; says which and why.
    """
    found = built_in()
    added = [*_plugged_in(entry_points(group=GROUP)), *_configured(places)]
    for one in added:
        if one.name in found:
            raise InputError(one.name, "is the name of two functions", "rename one")
        found[one.name] = one
    return found


def _plugged_in(points: Iterable[EntryPoint]) -> Iterable[Function]:
    for point in points:
        place = f"entry point {point.name} of {GROUP}"
        yield from _made(place, point.load, "mend it, or remove its package")


def _configured(places: Iterable[str]) -> Iterable[Function]:
    for place in places:
        name = f"projecting.functions: {place!r:.80}"
        if ":" not in place:
            raise InputError(name, "names nothing", "write module:callable")
        yield from _made(
            name, functools.partial(pkgutil.resolve_name, place), "mend it"
        )


def _made(place: str, load: Callable[[], Any], mend: str) -> Iterable[Function]:
    try:
        given: Any = load()()
        several = [given] if isinstance(given, Function) else list(given)
        wrong = [one for one in several if not isinstance(one, Function)]
        if wrong:
            raise TypeError(f"{wrong[0]!r:.80} is no Function")
    except Exception as problem:  # noqa: BLE001  # whatever it does
        reason = f"{type(problem).__name__}: {problem}"
        raise InputError(place, reason, mend) from None
    return several
