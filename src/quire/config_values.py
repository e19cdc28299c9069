"""What is wrong with values that were given for settings, each told by its name."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from enum import EnumMeta
from typing import Any, get_args, get_origin

import msgspec

from quire.errors import InputError

Hook = Callable[[type[Any], Any], Any]


def wrong_values(
    values: Mapping[str, Any], model: type[msgspec.Struct], hook: Hook, place: str = ""
) -> Iterator[InputError]:
    """Yield what keeps values from being a table of settings.

    Parameters
    ----------
    model
        The table.
    hook
        Makes what msgspec does not, as for `msgspec.convert`.
    place
        What comes before the names of these settings, with a dot at its end.
    """
    known = {one.encode_name: one.type for one in msgspec.structs.fields(model)}
    for name, value in values.items():
        if name in known:
            yield from _wrong(f"{place}{name}", value, known[name], hook)
        else:
            near = difflib.get_close_matches(name, known, n=1)
            mend = f"do you mean {place}{near[0]}?" if near else f"of {_listed(known)}"
            yield InputError(f"{place}{name}", "is no setting", mend)


def _wrong(place: str, value: Any, kind: Any, hook: Hook) -> Iterator[InputError]:
    if isinstance(value, dict) and get_origin(kind) is dict:
        for name, one in value.items():
            yield from _wrong(f"{place}.{name}", one, get_args(kind)[1], hook)
    elif isinstance(value, dict) and isinstance(kind, type(msgspec.Struct)):
        yield from wrong_values(value, kind, hook, f"{place}.")
    else:
        try:
            msgspec.convert(value, kind, strict=False, dec_hook=hook)
        except msgspec.ValidationError as error:
            reason, _, below = str(error).partition(" - at `$")
            mend = f"of {_listed(kind)}" if isinstance(kind, EnumMeta) else ""
            yield InputError(f"{place}{below.rstrip('`')}", reason, mend)


def _listed(names: Any) -> str:
    return ", ".join(sorted(map(str, names)))
