"""Which projections of a run are wanted, and what of the run they need."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from quire.products.projection.entries import Projection, choose, read_projections
from quire.products.projection.facts import RunFacts, StreamFacts
from quire.products.projection.readymade import GENERIC, NAMES, ready_made


def chosen(
    facts: RunFacts,
    streams: Sequence[str],
    wanted: str,
    look: Callable[[str], StreamFacts],
    configured: Mapping[str, Projection] = MappingProxyType({}),
) -> tuple[RunFacts, tuple[Projection, ...]]:
    """Return a run with the streams that are needed, and what to make of it.

    Parameters
    ----------
    facts
        Of the run, without its streams.
    streams
        The names of all.
    wanted
        A label; ``*`` for all; empty for the only one, or the generic one where the run
        has none.
    look
        Tells of a stream.
    configured
        The site's own, by name: for what no projection of the run is called.

    Raises
    ------
    NotFound, Ambiguous
        The run has no such projection, or several and none was named.
    """
    found = read_projections(facts.start)
    ours = wanted in NAMES and wanted not in found
    if ours or not (wanted or found):
        whole = _with_streams(facts, streams, look)
        return whole, (ready_made(whole)[wanted or GENERIC],)
    if wanted in configured and wanted not in found:
        projections: tuple[Projection, ...] = (configured[wanted],)
    else:
        projections = tuple(choose(found, wanted))
    named = {entry.stream for one in projections for entry in one.entries}
    needed = [name for name in streams if name in named]
    return _with_streams(facts, needed, look), projections


def _with_streams(
    facts: RunFacts, names: Sequence[str], look: Callable[[str], StreamFacts]
) -> RunFacts:
    return msgspec.structs.replace(facts, streams={name: look(name) for name in names})
