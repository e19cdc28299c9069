"""The projections of a start document, as they are written (event-model 1.24).

Beside the schema's four kinds of entry two old spellings are read, which archives
hold: ``callable``, ``args`` and ``kwargs`` flat in the entry, and ``location: start``.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from quire.errors import Ambiguous, NotFound

EVERYTHING = "*"


class EntryKind(StrEnum):
    """What an entry is made from."""

    EVENT = "event"
    CONFIGURATION = "configuration"
    CALCULATED = "calculated"
    STATIC = "static"
    START = "start"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a projection.

    Attributes
    ----------
    kind
        None where it is none that we know, and `problem` says why.
    device, index
        Of configuration: `config_device` and `config_index`.
    callable
        A key of the registry; only ever compared.
    old
        Whether it is in a spelling that the schema has given up.
    """

    key: str
    kind: EntryKind | None
    stream: str = ""
    field: str = ""
    device: str = ""
    index: int = 0
    callable: str = ""
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    value: Any = None
    old: bool = False
    problem: str = ""


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """One projection.

    Attributes
    ----------
    label
        Its name, or its place in the list where the name is empty or shared.
    content
        As it was written; its hash belongs to a product's identity.
    """

    label: str
    name: str
    version: str
    configuration: dict[str, Any]
    entries: tuple[Entry, ...]
    content: dict[str, Any]


def read_projections(start: Mapping[str, Any]) -> dict[str, Projection]:
    """Return the projections of a start document by label, in their order.

    What is no projection is left out; what is no entry has its `problem`.
    """
    given = start.get("projections")
    found = given if isinstance(given, list) else []
    names = [one.get("name", "") for one in found if isinstance(one, dict)]
    labelled: dict[str, Projection] = {}
    for place, one in enumerate(found):
        if not isinstance(one, dict):
            continue
        name = one.get("name", "")
        alone = isinstance(name, str) and name and names.count(name) == 1
        label = name if alone else str(place)
        if label in labelled:  # a name that is the place of another
            label = f"{label}#{place}"
        labelled[label] = read_projection(one, label)
    return labelled


def read_projection(content: Mapping[str, Any], label: str = "") -> Projection:
    """Read one projection, leniently: each fault is its entry's own."""
    entries = content.get("projection")
    configuration = content.get("configuration")
    name = str(content.get("name", ""))
    return Projection(
        label=label or name or "0",
        name=name,
        version=str(content.get("version", "")),
        configuration=configuration if isinstance(configuration, dict) else {},
        entries=tuple(
            read_entry(key, one)
            for key, one in (entries if isinstance(entries, dict) else {}).items()
        ),
        content=dict(content),
    )


def read_entry(key: str, given: Any) -> Entry:
    """Read one entry: its kind by `type` first, then by `location`."""
    if not isinstance(given, Mapping):
        return Entry(key=key, kind=None, problem="it is no object")
    if given.get("type") == "static":
        return _static(key, given)
    match given.get("type"), given.get("location"):
        case "linked", "event":
            found = _named(key, given, EntryKind.EVENT, "stream", "field")
        case "linked", "configuration":
            found = _configuration(key, given)
        case "linked", "start":
            found = _named(key, given, EntryKind.START, "field", old=True)
        case "calculated", "event":
            found = _calculated(key, given)
        case kind, location:
            problem = f"type {kind!r:.40} with location {location!r:.40} is no kind"
            found = Entry(key=key, kind=None, problem=problem)
    return found


def choose(found: Mapping[str, Projection], wanted: str) -> tuple[Projection, ...]:
    """Return the projections that a name asks for; all of them for ``*``.

    Parameters
    ----------
    wanted
        A label; empty for the only one.

    Raises
    ------
    NotFound
        There is none of that name.
    Ambiguous
        Several are; says their labels.
    """
    if wanted == EVERYTHING:
        return tuple(found.values())
    if not wanted:
        if len(found) == 1:
            return tuple(found.values())
        if found:
            raise Ambiguous("projection", wanted, tuple(found))
        raise NotFound("projection", wanted, "the run has none")
    if wanted in found:
        return (found[wanted],)
    shared = [label for label, one in found.items() if one.name == wanted]
    if shared:
        raise Ambiguous("projection", wanted, shared)
    raise NotFound("projection", wanted, f"there are: {', '.join(found) or 'none'}")


def _named(
    key: str,
    given: Mapping[str, Any],
    kind: EntryKind,
    *members: str,
    old: bool = False,
) -> Entry:
    wrong = [name for name in members if not isinstance(given.get(name), str)]
    if wrong:
        return Entry(key=key, kind=None, problem=f"{wrong[0]} is no text")
    told = {name: given[name] for name in members}
    return Entry(key=key, kind=kind, old=old, **told)


def _static(key: str, given: Mapping[str, Any]) -> Entry:
    if "value" not in given:
        return Entry(key=key, kind=None, problem="it has no value")
    return Entry(key=key, kind=EntryKind.STATIC, value=given["value"])


def _configuration(key: str, given: Mapping[str, Any]) -> Entry:
    entry = _named(key, given, EntryKind.CONFIGURATION, "stream", "field")
    device, index = given.get("config_device"), given.get("config_index")
    if entry.kind is None:
        return entry
    if not isinstance(device, str):
        return Entry(key=key, kind=None, problem="config_device is no text")
    if not isinstance(index, int) or isinstance(index, bool):
        return Entry(key=key, kind=None, problem="config_index is no integer")
    return msgspec.structs.replace(entry, device=device, index=index)


def _calculated(key: str, given: Mapping[str, Any]) -> Entry:
    entry = _named(key, given, EntryKind.CALCULATED, "stream", "field")
    told = given.get("calculation")
    old = not isinstance(told, Mapping)
    told = told if isinstance(told, Mapping) else given
    args, kwargs = told.get("args", []), told.get("kwargs", {})
    if entry.kind is None:
        return entry
    if not isinstance(told.get("callable"), str):
        return Entry(key=key, kind=None, problem="callable is no text")
    if not isinstance(args, Sequence) or isinstance(args, str):
        return Entry(key=key, kind=None, problem="args is no list")
    if not isinstance(kwargs, Mapping):
        return Entry(key=key, kind=None, problem="kwargs is no object")
    return msgspec.structs.replace(
        entry,
        callable=told["callable"],
        args=tuple(args),
        kwargs=dict(kwargs),
        old=old,
    )
