"""How a job of Slurm stands (squeue(1), JOB STATE CODES)."""

from collections.abc import Iterable

from quire.ports.launcher import There

_WAITING = frozenset(
    {
        "PENDING",
        "CONFIGURING",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESV_DEL_HOLD",
        "SPECIAL_EXIT",
    }
)
# Whatever is on a node, or is being cleared from it, may still write.
_RUNNING = frozenset(
    {
        "RUNNING",
        "COMPLETING",
        "RESIZING",
        "SIGNALING",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
    }
)
_GONE = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
_STRONGEST = (There.RUNNING, There.WAITING, There.UNKNOWN)


HALTED = frozenset({"SUSPENDED", "STOPPED"})
"""On a node, and not at work."""


def standing(state: str) -> There:
    """Return what one of Slurm's state names means."""
    if state in _WAITING:
        return There.WAITING
    if state in _RUNNING:
        return There.RUNNING
    # sacct adds who cancelled it.
    return There.GONE if state.partition(" ")[0] in _GONE else There.UNKNOWN


def together(standings: Iterable[There]) -> There:
    """Return how an attempt stands that was submitted more than once."""
    found = set(standings)
    for one in _STRONGEST:
        if one in found:
            return one
    return There.GONE
