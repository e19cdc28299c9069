"""Templates of arguments: where the values of parameters go in a command line.

An item is text with places in it: ``{NAME}`` for a parameter's value, ``{folder}``,
``{job}`` and ``{attempt}`` for what the attempt is given. An item without a value for
one of its places is left out. A group (a list of items) is left out as a whole, and is
repeated for every value of a parameter that has several. ``{NAME?}`` stands for
nothing, but leaves its item or group out unless the value is true.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quire.errors import InputError
from quire.jobs.parameters import Parameter, Upload, as_text

Template = tuple[str | tuple[str, ...], ...]

GIVEN = frozenset({"folder", "job", "attempt"})
_PLACE = re.compile(r"\{(\w+)(\??)\}")
# Linux takes 128 KiB for one argument, in bytes.
_LONGEST = 100_000
_MOST = 4000


def check_template(template: Template, parameters: Sequence[Parameter]) -> None:
    """Do nothing if every place of a template has a parameter.

    Raises
    ------
    InputError
        One has none, or a group has two parameters of several values.
    """
    known = {one.name for one in parameters} | GIVEN
    several = {one.name for one in parameters if one.multiple}
    for group in _groups(template):
        names = {name for item in group for name, _ in _PLACE.findall(item)}
        if unknown := sorted(names - known):
            mend = "there are " + ", ".join(sorted(known))
            raise InputError("arguments", f"no parameter {unknown[0]!r}", mend)
        if len(names & several) > 1:
            both = " and ".join(sorted(names & several))
            reason = f"{both} may each have several values"
            raise InputError("arguments", reason, "put them into groups of their own")


def check_values(template: Template, values: Mapping[str, Any]) -> None:
    """Do nothing if values can stand in the arguments.

    Raises
    ------
    InputError
        A text begins with a hyphen where it would be read as an option, has a zero
        byte, or is too long.
    """
    leading = {
        found[1]
        for group in _groups(template)
        for item in group
        if (found := _PLACE.match(item)) and not found[2]
    }
    used = {
        name
        for group in _groups(template)
        for item in group
        for name, _ in _PLACE.findall(item)
    }
    for name in sorted(used & values.keys()):
        given = values[name]
        several = given if isinstance(given, list) else [given]
        if len(several) > _MOST:
            raise InputError(name, f"more than {_MOST} values", "give fewer")
        for one in several:
            text = _plain(one, "")
            if len(text.encode()) > _LONGEST:
                raise InputError(name, f"more than {_LONGEST} bytes", "send a file")
            if "\0" in text:
                raise InputError(name, "has a zero byte in it", "leave it out")
            if name in leading and isinstance(one, str) and one.startswith("-"):
                raise InputError(name, "begins with a hyphen", "begin it otherwise")


def fill(
    template: Template,
    values: Mapping[str, Any],
    given: Mapping[str, str],
    *,
    data_folder: str,
) -> list[str]:
    """Return the arguments.

    Parameters
    ----------
    given
        What the attempt is given.
    data_folder
        Absolute; paths of uploads are relative to it.
    """
    arguments: list[str] = []
    for group in _groups(template):
        names = {name for item in group for name, _ in _PLACE.findall(item)}
        for chosen in _choices(names, values):
            words = {name: _plain(one, data_folder) for name, one in chosen.items()}
            filled = _filled(group, {**words, **given})
            if filled is not None:
                arguments.extend(filled)
    return arguments


def _groups(template: Template) -> Iterator[tuple[str, ...]]:
    for item in template:
        yield (item,) if isinstance(item, str) else item


def _choices(names: set[str], values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the values of the places, once for each value of one that has several."""
    chosen = {name: values[name] for name in names & values.keys()}
    many = next((name for name, one in chosen.items() if isinstance(one, list)), None)
    if many is None:
        yield chosen
        return
    for one in chosen[many]:
        yield {**chosen, many: one}


def _filled(group: Sequence[str], words: Mapping[str, str]) -> list[str] | None:
    filled = []
    for item in group:
        for name, condition in _PLACE.findall(item):
            if name not in words or (condition and words[name] in ("", "false")):
                return None
        text = _PLACE.sub(lambda found: "" if found[2] else words[found[1]], item)
        if text or not _PLACE.search(item) or "?" not in item:
            filled.append(text)
    return filled


def _plain(value: Any, data_folder: str) -> str:
    if isinstance(value, Upload):
        return f"{data_folder}/{value.path}"
    if isinstance(value, Mapping):
        # An upload comes back from the store as an object.
        if set(value) == set(Upload.__struct_fields__):
            return f"{data_folder}/{value['path']}"
        return json.dumps(value, ensure_ascii=False)
    return as_text(value)
