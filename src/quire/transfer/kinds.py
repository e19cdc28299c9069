"""The kinds of job, `merge` with its transfers: for the roots."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quire.actions.projecting import site
from quire.jobs.job import Job
from quire.kinds.merge import MergeKind, Openness
from quire.kinds.registry import every_kind
from quire.ports.kind import Kind
from quire.products.specification import stored_specification
from quire.transfer.local import begun
from quire.transfer.settings import transfers


def merge_kind(
    raw: Mapping[str, Any],
    dictionaries: Path | None = None,
    *,
    roots: Sequence[Path] = (),
    published: Path | None = None,
    confined: bool = False,
) -> MergeKind:
    """Return the kind `merge`.

    Parameters
    ----------
    raw
        The table ``[transfers]`` of the settings.
    roots, published
        See `quire.transfer.settings.transfers`.
    dictionaries, confined
        See `quire.kinds.merge.MergeKind`.

    Raises
    ------
    InputError
        The table cannot be used.
    """
    having = transfers(raw, roots=roots, published=published)
    return MergeKind(
        dictionaries,
        transfers=having.fetching,
        deliveries=having.delivering,
        open_to_all=Openness(sources=bool(roots), receivers=bool(having.folders)),
        per_host=having.per_host,
        confined=confined,
    )


def begun_deliveries(job: Job) -> tuple[Path, ...]:
    """Return the files that a merge's killed deliveries may have left in folders."""
    if not job.is_acquisition:
        return ()
    wanted = stored_specification(job.parameters["SPECIFICATION"])
    name = f"{wanted.target.file_id}.fits"
    return tuple(path for one in wanted.receivers for path in begun(one, name))


def kinds_of_worker(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Kind]:
    """Return all kinds by name.

    Parameters
    ----------
    tables
        ``commands``, ``transfers``, ``acquisitions`` and ``projecting`` of the settings, and
        ``data_folder``: its ``path``.
    """
    folder = Path(tables.get("data_folder", {}).get("path", "."))
    projecting = site(tables.get("projecting", {}), folder)
    kinds = every_kind(tables.get("commands"), projecting)
    daqs = tables.get("acquisitions", {})
    merge = merge_kind(
        tables.get("transfers", {}),
        Path(daqs["dictionaries"]) if "dictionaries" in daqs else None,
        roots=tuple(map(Path, daqs.get("source_roots", ()))),
        published=Path(daqs["published"]) if "published" in daqs else None,
        confined=True,
    )
    return {**kinds, merge.name: merge}
