"""Runs as the catalog shows them."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from quire.actions.lookup import RunDetail
from quire.runs.facility import NumberRule, facility_fields
from quire.runs.run import Run
from quire.web.json import plain
from quire.web.products import product_json

# To write so many bytes keeps an event loop from all else for some milliseconds.
_LONG = 256 * 1024


def are_long(runs: Iterable[Run]) -> bool:
    """Return whether to write these in full takes long enough for a thread."""
    return sum(len(one.start or b"") + len(one.stop or b"") for one in runs) > _LONG


def summary(run: Run) -> dict[str, Any]:
    """Return a run in short; times are Unix seconds, duration seconds."""
    begun, ended = run.time, run.stop_time
    return {
        "uid": run.uid,
        "scan_id": plain(run.scan_id),
        "plan_name": run.plan_name,
        "time": run.time,
        "stop_time": ended,
        "duration": None if begun is None or ended is None else ended - begun,
        "status": run.status,
        "events": run.events,
        "documents": run.documents,
        "streams": {name: stream.rows for name, stream in sorted(run.streams.items())},
        "num_points": run.num_points,
        "owner": run.owner,
    }


def quality(run: Run) -> dict[str, Any]:
    """Return what people say of a run."""
    said = run.annotations
    return {
        "version": said.version,
        "sign_off": said.sign_off,
        "flags": said.flags,
        "comments": said.comments,
        "fields": said.fields,
        "run_lists": said.lists,
    }


def full(run: Run, *, exact: bool = False) -> dict[str, Any]:
    """Return a run in short with its start and stop documents.

    Parameters
    ----------
    exact
        These as they came: NaN, infinities and integers of any size are no standard
        JSON, but Python reads them.
    """
    start, stop = (
        (run.start and msgspec.Raw(run.start), run.stop and msgspec.Raw(run.stop))
        if exact
        else (plain(run.start_document()) or None, plain(run.stop_document()) or None)
    )
    return {
        **summary(run),
        "start": start,
        "stop": stop,
        "closed_at": run.closed_at,
        "closed_by": run.closed_by,
        "close_reason": run.close_reason,
    }


def detail(
    found: RunDetail, rule: NumberRule, *, exact: bool = False
) -> dict[str, Any]:
    """Return a run with its documents' metadata and what was made from it.

    Parameters
    ----------
    rule
        Gives it experiment and run number where its start document has none.
    exact
        As for `full`.
    """
    run = found.run
    uid = quote(run.uid, safe="")
    here = f"/api/v1/runs/{uid}"
    return {
        **full(run, exact=exact),
        "descriptors": run.descriptors,
        "data_keys": {name: one.data_keys for name, one in run.streams.items()},
        "findings": run.findings,
        "facility": plain(facility_fields(run, run.start_document(), rule)),
        "quality": quality(run),
        "products": [
            product_json(each, stale=each.id in found.stale) for each in found.products
        ],
        "jobs": found.jobs,
        "more_jobs": found.more_jobs,
        "links": {
            "self": here,
            "documents": f"{here}/documents",
            "streams": {
                name: f"{here}/streams/{quote(name, safe='')}" for name in run.streams
            },
            "jobs": f"/api/v1/jobs?run={uid}",
            "operation": f"/api/v1/operations/{uid}",
            "page": f"/runs/{uid}",
        },
    }
