"""What each entry of a projection comes to, before any data is read."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from quire.errors import InputError
from quire.products.projection.contents import Outcome, Scalar, Variable
from quire.products.projection.entries import Entry, EntryKind, Projection
from quire.products.projection.facts import RunFacts, StreamFacts
from quire.products.projection.functions import BoundCall, Function, Works, bind

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_KEY = 1000
OLD = "written in a spelling that the schema has given up"


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """A variable that is a stream's column as it is.

    Attributes
    ----------
    external
        Whether its data key says that it lies in files.
    """

    variable: Variable
    field: str
    external: bool = False


class Calculated(msgspec.Struct, frozen=True, kw_only=True):
    """A variable, or a value, that a function gives.

    Attributes
    ----------
    variable
        Its type is that of the result's cells once that is known; until then null.
    """

    variable: Variable
    function: Function
    call: BoundCall


Made = Linked | Calculated | Scalar


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """What entries come to.

    Attributes
    ----------
    made
        By key, of those without an issue.
    outcomes
        Of all, in the order of the document.
    """

    made: dict[str, Made]
    outcomes: dict[str, Outcome]


class EntryIssue(Exception):  # an issue is no error of ours
    """One entry cannot be made; what is caught at the entry's boundary."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(reason)


def resolve(
    projections: Iterable[Projection],
    facts: RunFacts,
    registry: Mapping[str, Function],
    *,
    prefixed: bool = False,
) -> Resolved:
    """Return what the entries come to; each fault is its entry's own.

    Parameters
    ----------
    prefixed
        Whether each projection's keys stand below its label.
    """
    made: dict[str, Made] = {}
    outcomes: dict[str, Outcome] = {}
    paths: dict[tuple[str, ...], str] = {}
    for projection in projections:
        for entry in projection.entries:
            key = f"/{projection.label}/{entry.key.lstrip('/')}"
            named = msgspec.structs.replace(entry, key=key) if prefixed else entry
            try:
                _take_path(paths, named.key)
                found, source = _resolved(named, facts, registry)
            except EntryIssue as issue:
                outcomes[named.key] = Outcome(
                    key=named.key, status="issue", code=issue.code, issue=str(issue)
                )
                continue
            made[named.key] = found
            note = OLD if named.old else _disagreement(named, facts)
            outcomes[named.key] = Outcome(key=named.key, source=source, note=note)
    return Resolved(made=made, outcomes=outcomes)


def segments(key: str) -> tuple[str, ...]:
    """Return the parts of a key between its slashes, empty ones left out."""
    return tuple(part for part in key.split("/") if part)


def _take_path(paths: dict[tuple[str, ...], str], key: str) -> None:
    parts = segments(key)
    if not parts or _CONTROL.search(key) or not {".", ".."}.isdisjoint(parts):
        raise EntryIssue("bad_key", f"{key!r:.80} is no path")
    if len(key) > _LONGEST_KEY or not _is_utf8(key):
        raise EntryIssue("bad_key", f"{key!r:.80} is too long, or no UTF-8")
    for other, owner in paths.items():
        shorter = min(len(other), len(parts))
        if other[:shorter] == parts[:shorter]:
            reason = f"{owner!r} stands there, or in the way"
            raise EntryIssue("name_conflict", reason)
    paths[parts] = key


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _resolved(
    entry: Entry, facts: RunFacts, registry: Mapping[str, Function]
) -> tuple[Made, dict[str, Any]]:
    match entry.kind:
        case EntryKind.STATIC:
            return scalar(entry.key, entry.value), {"static": True}
        case EntryKind.START:
            if entry.field not in facts.start:
                raise EntryIssue("missing_field", f"no {entry.field!r} in the start")
            value = scalar(entry.key, facts.start[entry.field])
            return value, {"document": "start", "field": entry.field}
        case EntryKind.CONFIGURATION:
            return _configured(entry, _stream(entry, facts))
        case EntryKind.EVENT:
            return _linked(entry, _stream(entry, facts))
        case EntryKind.CALCULATED:
            return _calculated(entry, _stream(entry, facts), registry)
        case _:
            raise EntryIssue("unknown_kind", entry.problem)


def _stream(entry: Entry, facts: RunFacts) -> StreamFacts:
    if entry.stream not in facts.streams:
        known = ", ".join(facts.streams) or "none"
        reason = f"no stream {entry.stream!r:.80}; there are: {known:.200}"
        raise EntryIssue("missing_stream", reason)
    return facts.streams[entry.stream]


def _column(stream: StreamFacts, field: str) -> Any:
    """Return the Arrow field of a data key."""
    if field in stream.unreadable:
        raise EntryIssue("asset_unavailable", stream.unreadable[field])
    if field not in stream.columns:
        known = ", ".join(stream.columns) or "none"
        reason = f"stream {stream.name!r} has no {field!r:.80}; it has: {known:.200}"
        raise EntryIssue("missing_field", reason)
    return stream.columns[field]


def _linked(entry: Entry, stream: StreamFacts) -> tuple[Made, dict[str, Any]]:
    column = _column(stream, entry.field)
    variable = Variable(
        key=entry.key,
        stream=stream.name,
        type=column.type,
        units=_units(stream, entry.field),
        encoding=_encoding(column),
        fields=(entry.field,),
        linked=True,
    )
    told = stream.data_keys.get(entry.field, {})
    made = Linked(
        variable=variable, field=entry.field, external=bool(told.get("external"))
    )
    return made, _source(stream, entry.field)


def _configured(entry: Entry, stream: StreamFacts) -> tuple[Made, dict[str, Any]]:
    if not 0 <= entry.index < len(stream.descriptors):
        count = len(stream.descriptors)
        reason = f"config_index {entry.index} of {count} descriptors"
        raise EntryIssue("config_index_out_of_range", reason)
    descriptor = stream.descriptors[entry.index]
    devices = descriptor.get("configuration", {})
    if entry.device not in devices:
        known = ", ".join(devices) or "none"
        reason = f"no device {entry.device!r:.80}; there are: {known:.200}"
        raise EntryIssue("missing_device", reason)
    device = devices[entry.device]
    if entry.field not in device.get("data", {}):
        known = ", ".join(device.get("data", {})) or "none"
        reason = f"{entry.device!r} has no {entry.field!r:.80}; it has: {known:.200}"
        raise EntryIssue("missing_field", reason)
    told = device.get("data_keys", {}).get(entry.field, {})
    units = told.get("units")
    value = scalar(
        entry.key,
        device["data"][entry.field],
        units=units if isinstance(units, str) else "",
    )
    source = {
        "stream": stream.name,
        "device": entry.device,
        "field": entry.field,
        "descriptors": [descriptor["uid"]],
    }
    return value, source


def _calculated(
    entry: Entry, stream: StreamFacts, registry: Mapping[str, Function]
) -> tuple[Made, dict[str, Any]]:
    import pyarrow as pa

    function = registry.get(entry.callable)
    if function is None:
        reason = f"{entry.callable!r:.80} is not registered here"
        raise EntryIssue("unknown_callable", reason)
    _column(stream, entry.field)
    try:
        call = bind(function, entry.field, entry.args, entry.kwargs)
    except InputError as problem:
        raise EntryIssue("bad_arguments", str(problem)) from None
    for field in call.fields:
        if not is_numeric(_column(stream, field)):
            raise EntryIssue("bad_arguments", f"{field!r} holds no plain numbers")
    variable = Variable(
        key=entry.key,
        stream=stream.name,
        type=pa.null(),
        units=_result_units(function, [_units(stream, one) for one in call.fields]),
        fields=call.fields,
        attributes={"callable": function.name, "callable_version": function.version},
    )
    source = {
        **_source(stream, *call.fields),
        "callable": function.name,
        "version": function.version,
        "reduces": function.works is Works.REDUCE,
    }
    return Calculated(variable=variable, function=function, call=call), source


def is_numeric(column: Any) -> bool:
    """Return whether an Arrow field holds numbers or booleans of one shape."""
    import pyarrow as pa

    kind = column.type
    while pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return not _encoding(column) and bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
    )


def scalar(key: str, value: Any, *, units: str = "") -> Scalar:
    """Return a value of its own: an object, null or a mixed list as JSON text."""
    if _is_plain(value):
        return Scalar(key=key, value=value, units=units)
    return Scalar(key=key, value=json.dumps(value), units=units, encoding="json")


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return _is_utf8(value) and "\0" not in value
    if isinstance(value, bool | float):
        return True
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if not isinstance(value, list) or not value:
        return False
    if isinstance(value[0], list):
        return all(isinstance(one, list) for one in value) and _is_array(value)
    return len({type(one) for one in value}) == 1 and all(map(_is_plain, value))


def _is_array(value: list[Any]) -> bool:
    import numpy as np

    try:
        found = np.array(value)
    except (ValueError, OverflowError):
        return False
    if found.dtype.kind not in "bif":
        return False
    return len({type(one) for one in _leaves(value)}) == 1


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _source(stream: StreamFacts, *fields: str) -> dict[str, Any]:
    uids = [one["uid"] for one in stream.descriptors]
    return {"stream": stream.name, "fields": list(fields), "descriptors": uids}


def _units(stream: StreamFacts, field: str) -> str:
    """Return a data key's units; none where its descriptors do not agree on them."""
    told = _told_units(stream, field)
    return told[0] if len(told) == 1 else ""


def _told_units(stream: StreamFacts, field: str) -> list[str]:
    """Return what descriptors say of a data key's units, each once."""
    said = (
        one.get("data_keys", {}).get(field, {}).get("units")
        for one in stream.descriptors
    )
    return list(dict.fromkeys(one for one in said if isinstance(one, str) and one))


def _disagreement(entry: Entry, facts: RunFacts) -> str:
    if entry.kind is not EntryKind.EVENT:
        return ""
    told = _told_units(facts.streams[entry.stream], entry.field)
    if len(told) < 2:  # noqa: PLR2004
        return ""
    words = ", ".join(map(repr, told))
    return f"its descriptors tell several units, {words:.200}: it has none"


def _result_units(function: Function, given: list[str]) -> str:
    known = all(given)
    match function.units:
        case "same":
            return given[0] if len(set(given)) == 1 else ""
        case "product" if known and len(given) > 1:
            return " * ".join(given)
        case "ratio" if known and len(given) == 2 and given[0] != given[1]:  # noqa: PLR2004
            return f"{given[0]} / ({given[1]})"
        case "product" | "ratio":
            return given[0] if len(given) == 1 and function.units == "product" else ""
    return function.units


def _encoding(column: Any) -> str:
    return str((column.metadata or {}).get(b"encoding", b"").decode())
