"""The kinds of job that Quire has: the one list of them."""

from quire.kinds.merge import MergeKind
from quire.kinds.wait import WaitKind
from quire.ports.kind import Kind


def built_in() -> dict[str, Kind]:
    """Return the kinds by name."""
    kinds: tuple[Kind, ...] = (MergeKind(), WaitKind())
    return {kind.name: kind for kind in kinds}
