"""The functions of a site: ours, and those of installed packages."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from quire.errors import InputError
from quire.products.projection.builtin import built_in
from quire.products.projection.functions import Function

GROUP = "quire.functions"


def every_function() -> dict[str, Function]:
    """Return all functions by name.

    What an entry point of the group ``quire.functions`` names is called, and returns a
    `Function` or several.

    Raises
    ------
    InputError
        A package's cannot be used; says which and why.
    """
    found = built_in()
    for one in _plugged_in(entry_points(group=GROUP)):
        if one.name in found:
            raise InputError(one.name, "is the name of two functions", "rename one")
        found[one.name] = one
    return found


def _plugged_in(points: Iterable[EntryPoint]) -> Iterable[Function]:
    for point in points:
        place = f"entry point {point.name} of {GROUP}"
        try:
            given: Any = point.load()()
            several = [given] if isinstance(given, Function) else list(given)
            wrong = [one for one in several if not isinstance(one, Function)]
            if wrong:
                raise TypeError(f"{wrong[0]!r:.80} is no Function")
        except Exception as problem:  # noqa: BLE001  # whatever the package does
            reason = f"{type(problem).__name__}: {problem}"
            raise InputError(place, reason, "mend it, or remove its package") from None
        yield from several
