"""Runs as Belle II's readers know them (``reference/rundb.md`` section 3)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from quire.faces.rundb.days import Days
from quire.runs.facility import NumberRule, facility_fields
from quire.runs.run import Run
from quire.web.json import plain

_SUMMARY = ("experiment", "run", "run_type")
_OBJECTS = ("detectors", "quality_expert", "statistics", "her", "ler")
_READ = ("pxd", "svd", "cdc", "ecl")


def summary(run: Run, url: str, rule: NumberRule) -> dict[str, Any]:
    """Return a run in short, with a link to the whole.

    Parameters
    ----------
    url
        Absolute address of the run.
    """
    fields = facility_fields(run, run.start_document(), rule)
    return _summary(run, url, fields)


def whole(run: Run, url: str, rule: NumberRule, days: Days) -> dict[str, Any]:
    """Return a run with all of its fields; what readers ask for is there."""
    day = days.of(run.time)
    fields = facility_fields(run, run.start_document(), rule)
    nested: dict[str, Any] = {name: {} for name in _OBJECTS}
    for path, value in fields.items():
        group, dot, name = path.partition(".")
        if dot:
            nested.setdefault(group, {})[name] = value
    for detector in _READ:
        nested["detectors"].setdefault(f"status_{detector}", None)
        nested["quality_expert"].setdefault(detector, None)
    nested["detectors"].setdefault("magnet_solenoid_field", None)
    nested["statistics"].setdefault("lumi_recorded", None)
    for ring in ("her", "ler"):
        nested[ring].setdefault("fill_pattern", "")
        nested[ring].setdefault("number_of_bunches", None)
    own = {
        "uid": run.uid,
        "scan_id": run.scan_id,
        "plan_name": run.plan_name,
        "status": run.status.value,
        "events": run.events,
        "sign_off": run.annotations.sign_off.value,
        "owner": run.owner,
        "date_start": None if day is None else day.isoformat(),
    }
    found: dict[str, Any] = plain({**_summary(run, url, fields), **own, **nested})
    return found


def _summary(run: Run, url: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: fields.get(name) for name in _SUMMARY}
    return {
        **found,
        "url": url,
        "time_start": fields.get("time_start", moment(run.time)),
        "time_stop": fields.get("time_stop", moment(run.stop_time)),
    }


def moment(seconds: float | None) -> str | None:
    """Return Unix seconds in ISO 8601, UTC, None where there is no such time."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
