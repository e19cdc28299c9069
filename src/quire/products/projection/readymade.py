"""Projections that come with Quire, made from what a run's documents say."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from quire.products.projection.entries import Projection, read_projection
from quire.products.projection.facts import RunFacts, StreamFacts

Paths = Callable[[StreamFacts, list[str], list[str]], dict[str, str]]

GENERIC = "generic"
NAMES = (GENERIC, "NXscan", "NXsas")
VERSION = "3"
_ANGLES = frozenset({"deg", "degree", "degrees", "rad", "radian", "radians"})
_MONITORS = ("monitor", "i0", "i_0", "ion_chamber")


def generic(facts: RunFacts) -> Projection:
    """Return the projection of a run that has none: all of it, as plain NXdata.

    A group a stream (that of ``primary`` is ``data``), the configuration below
    ``instrument``, and what the start document says of sample and plan.
    """
    entries: dict[str, Any] = _about(facts)
    # First what a format of one table holds, and what is drawn.
    for name in sorted(facts.streams, key=lambda one: one != "primary"):
        stream = facts.streams[name]
        group = "data" if name == "primary" else f"data_{name}"
        for field in stream.columns:
            entries[f"/entry/{_part(group)}/{_part(field)}"] = _event(name, field)
        for index, descriptor in enumerate(stream.descriptors):
            for device, told in descriptor.get("configuration", {}).items():
                for field in told.get("data", {}):
                    path = f"/entry/instrument/{_part(device)}/{_part(field)}"
                    path += f"_{index}" if index else ""
                    entries.setdefault(
                        path,
                        {
                            "type": "linked",
                            "location": "configuration",
                            "stream": name,
                            "field": field,
                            "config_device": device,
                            "config_index": index,
                        },
                    )
    return _projection(GENERIC, entries)


def ready_made(facts: RunFacts) -> dict[str, Projection]:
    """Return the projections that come with Quire, by name, filled for one run."""
    return {
        GENERIC: generic(facts),
        "NXscan": _of_hints("NXscan", facts, _scan_paths),
        "NXsas": _of_hints("NXsas", facts, _sas_paths),
    }


def _of_hints(name: str, facts: RunFacts, paths: Paths) -> Projection:
    """Return an application definition, as far as the run's hints tell its fields.

    What they do not tell is for the beamline to add.
    """
    entries = _about(facts)
    entries["/entry/definition"] = {"type": "static", "value": name}
    stream = (
        next(iter(facts.streams), "") if "primary" not in facts.streams else "primary"
    )
    motors, detectors = _hinted(facts, stream)
    if stream in facts.streams:
        seen = facts.streams[stream]
        for path, field in paths(seen, motors, detectors).items():
            entries[path] = _event(stream, field)
    return _projection(name, entries)


def _scan_paths(
    stream: StreamFacts, motors: list[str], detectors: list[str]
) -> dict[str, str]:
    """Return NXscan's paths (NeXus application definitions): fields by path."""
    found = _sas_paths(stream, motors, detectors)
    angles = [one for one in motors if _units(stream, one) in _ANGLES]
    if angles:
        found["/entry/sample/rotation_angle"] = angles[0]
        found["/entry/data/rotation_angle"] = angles[0]
    known = (*detectors, *stream.columns)
    monitors = [one for one in known if _is_monitor(one) and one not in motors]
    if monitors:
        found["/entry/monitor/data"] = monitors[0]
    found |= {f"/entry/data/{_part(one)}": one for one in (*detectors, *motors)}
    return found | {f"/entry/sample/{_part(one)}": one for one in motors}


def _sas_paths(
    stream: StreamFacts, motors: list[str], detectors: list[str]
) -> dict[str, str]:
    """Return NXsas' paths: detector and data; geometry is the beamline's to add."""
    del stream, motors
    counters = [one for one in detectors if not _is_monitor(one)]
    if not counters:
        return {}
    first = counters[0]
    return {"/entry/instrument/detector/data": first, "/entry/data/data": first}


def _is_monitor(field: str) -> bool:
    return field.lower().startswith(_MONITORS)


def _units(stream: StreamFacts, field: str) -> str:
    return str(stream.data_keys.get(field, {}).get("units", "")).lower()


def _hinted(facts: RunFacts, stream: str) -> tuple[list[str], list[str]]:
    """Return the fields that move and those that are looked at, as the hints say."""
    if stream not in facts.streams:
        return [], []
    known = facts.streams[stream].columns
    hints = facts.start.get("hints")
    told = hints.get("dimensions") if isinstance(hints, dict) else None
    motors = [
        field
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, list) and one and isinstance(one[0], list)
        for field in one[0]
        if field in known
    ]
    named: list[str] = []
    for descriptor in facts.streams[stream].descriptors:
        for one in (descriptor.get("hints") or {}).values():
            named += one.get("fields", []) if isinstance(one, dict) else []
    detectors = [one for one in dict.fromkeys(named) if one in known]
    detectors = detectors or list(known)
    return motors, [one for one in detectors if one not in motors]


def _projection(name: str, entries: dict[str, Any]) -> Projection:
    content = {
        "name": name,
        "version": VERSION,
        "configuration": {},
        "projection": entries,
    }
    return read_projection(content, name)


def _about(facts: RunFacts) -> dict[str, Any]:
    """Return static entries of what the documents say of the whole run."""
    start = facts.start
    told: dict[str, Any] = {"entry_identifier_uuid": facts.uid}
    told["start_time"] = _iso(start.get("time"))
    told["end_time"] = _iso((facts.stop or {}).get("time"))
    told["title"] = start.get("title") or start.get("plan_name")
    told["entry_identifier"] = start.get("scan_id")
    sample = start.get("sample")
    if isinstance(sample, dict):
        told["sample/name"] = sample.get("name")
    elif isinstance(sample, str):
        told["sample/name"] = sample
    return {
        f"/entry/{key}": {"type": "static", "value": str(value)}
        for key, value in told.items()
        if value is not None
    }


def _event(stream: str, field: str) -> dict[str, Any]:
    return {"type": "linked", "location": "event", "stream": stream, "field": field}


def _part(name: str) -> str:
    plain = name.replace("/", "_")
    return plain if plain not in ("", ".", "..") else f"_{plain}"


def _iso(moment: Any) -> str | None:
    if not isinstance(moment, int | float) or isinstance(moment, bool):
        return None
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
