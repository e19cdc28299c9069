"""Which NeXus classes the groups of devices have, by what the run's hints say."""

import itertools
from collections.abc import Iterable
from typing import Any

from quire.products.projection.facts import RunFacts
from quire.products.projection.plotting import dimensions, hinted
from quire.products.projection.resolving import segments

_ABOVE = "instrument"


def group_classes(keys: Iterable[str], facts: RunFacts) -> dict[str, str]:
    """Return the class of each group that keys name after a device, by its path.

    Such a group stands in one named ``instrument``. A device that moved in the plan,
    as ``hints.dimensions`` of the start document says, is an NXpositioner; another
    one whose descriptor hints at a field is an NXdetector.
    """
    devices = _devices(facts)
    found: dict[str, str] = {}
    for key in keys:
        *groups, _ = segments(key) or ("",)
        for place, (above, name) in enumerate(itertools.pairwise(groups)):
            if above == _ABOVE and name in devices:
                found["/".join(groups[: place + 2])] = devices[name]
    return found


def _devices(facts: RunFacts) -> dict[str, str]:
    _, moved = dimensions(facts)
    found: dict[str, str] = {}
    for stream in facts.streams.values():
        looked_at = hinted(facts, stream.name)
        for device, fields in _fields(stream.descriptors):
            if not fields.isdisjoint(moved):
                found[device] = "NXpositioner"
            elif not fields.isdisjoint(looked_at):
                found.setdefault(device, "NXdetector")
    return found


def _fields(descriptors: Iterable[dict[str, Any]]) -> Iterable[tuple[str, set[str]]]:
    for descriptor in descriptors:
        told = descriptor.get("object_keys")
        for device, fields in (told or {}).items() if isinstance(told, dict) else ():
            yield device, set(fields) if isinstance(fields, list) else set()
