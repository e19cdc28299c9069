"""The kinds of job, `merge` with its transfers: for the roots."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quire.kinds.merge import MergeKind
from quire.kinds.registry import every_kind
from quire.ports.kind import Kind
from quire.transfer.marks import FileMarks
from quire.transfer.settings import transfers


def merge_kind(
    raw: Mapping[str, Any],
    dictionaries: Path | None = None,
    *,
    confined: bool = False,
) -> MergeKind:
    """Return the kind `merge`.

    Parameters
    ----------
    raw
        The table ``[transfers]`` of the settings.
    dictionaries, confined
        See `quire.kinds.merge.MergeKind`.

    Raises
    ------
    InputError
        The table cannot be used.
    """
    having = transfers(raw)
    return MergeKind(
        dictionaries,
        transfers=having.fetching,
        deliveries=having.delivering,
        marks=FileMarks,
        confined=confined,
    )


def kinds_of_worker(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Kind]:
    """Return all kinds by name, from the tables ``commands`` and ``transfers``."""
    kinds = every_kind(tables.get("commands"))
    merge = merge_kind(tables.get("transfers", {}), confined=True)
    return {**kinds, merge.name: merge}
