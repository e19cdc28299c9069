"""What of a product is drawn by default, by the run's hints."""

from collections.abc import Sequence
from typing import Any

from quire.products.projection.arrays import shape_of
from quire.products.projection.contents import Variable
from quire.products.projection.facts import RunFacts

# Axes of an event's own array from which on it is a picture.
_IMAGE = 2


def default_plot(
    variables: Sequence[Variable], facts: RunFacts
) -> tuple[str, tuple[str, ...]]:
    """Return the keys of signal and axes; empty where there is nothing to draw.

    The axes are the variables of the fields that ``hints.dimensions`` of the start
    document names; the signal is the first other one of the same stream: one in a
    group ``data`` before others, then one that a descriptor's hints name, then one of
    images.
    """
    stream, wanted = dimensions(facts)
    stream = stream or next((one.stream for one in variables), "")
    own = [one for one in variables if one.stream == stream and _is_drawn(one)]
    axes = [one.key for field in wanted for one in own if one.fields == (field,)]
    looked_at = hinted(facts, stream)
    rest = [one for one in own if one.key not in axes]
    # What stands in a group of data is put there to be drawn.
    rest.sort(
        key=lambda one: (
            "/data/" not in one.key,
            not looked_at.issuperset(one.fields),
            len(shape_of(one.type)[0]) < _IMAGE,
        )
    )
    return (rest[0].key, tuple(axes)) if rest else ("", ())


def dimensions(facts: RunFacts) -> tuple[str, list[str]]:
    """Return the stream and the fields that ``hints.dimensions`` of the start names."""
    hints = facts.start.get("hints")
    told = hints.get("dimensions") if isinstance(hints, dict) else None
    stream, fields = "", []
    for one in told if isinstance(told, list) else []:
        if not (isinstance(one, list) and len(one) == 2 and isinstance(one[0], list)):  # noqa: PLR2004
            continue
        stream = stream or str(one[1])
        if one[1] == stream:
            fields += [field for field in one[0] if isinstance(field, str)]
    return stream, fields


def hinted(facts: RunFacts, stream: str) -> set[str]:
    """Return the fields that the hints of a stream's descriptors name."""
    found: set[str] = set()
    for descriptor in (
        facts.streams[stream].descriptors if stream in facts.streams else ()
    ):
        hints: Any = descriptor.get("hints")
        for one in hints.values() if isinstance(hints, dict) else ():
            fields = one.get("fields") if isinstance(one, dict) else None
            found.update(fields if isinstance(fields, list) else ())
    return found


def _is_drawn(variable: Variable) -> bool:
    import pyarrow as pa

    _, leaf = shape_of(variable.type)
    plain = pa.types.is_integer(leaf) or pa.types.is_floating(leaf)
    return bool(plain) and not variable.encoding
