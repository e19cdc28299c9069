"""What searches know of a run: the columns of `run_view`."""

import hashlib
import math
import zlib
from typing import Any

import msgspec

from quire.runs.leaves import Scalar
from quire.runs.run import Run, Status
from quire.runs.searchable import Searchable
from quire.storage.postgres.bindings import exact
from quire.storage.postgres.facets import packed
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.terms import term_numbers

ABSENT = 2**63 - 1
"""What stands for a missing experiment or run number, so that it sorts last."""

_SENSELESS = 2**1_000

_pack = msgspec.msgpack.Encoder(enc_hook=str).encode


def run_columns(run: Run, found: Searchable) -> dict[str, Any]:
    """Return the columns of a run by name, but its access list.

    Parameters
    ----------
    found
        What the run is searched by.
    """
    return {
        "uid": to_key(run.uid),
        "newest": newest(run.time),
        "experiment": ABSENT if found.experiment is None else found.experiment,
        "number": ABSENT if found.run is None else found.run,
        "scan_id": scan_number(run.scan_id),
        "events": bounded(run.events),
        "facets": packed(found.facets),
        # As text of an array: psycopg takes a while over a list of a hundred.
        "terms": f"{{{','.join(map(str, term_numbers(found)))}}}",
        "view": msgspec.json.encode(_view(found)).decode(),
    }


def facts(run: Run) -> bytes:
    """Return a hash of all that a run's columns are made from, but its events."""
    told = (
        run.owner,
        None if run.start is None else zlib.crc32(run.start),
        run.time,
        scan_number(run.scan_id),
        run.plan_name,
        run.stop_uid,
        run.stop_time,
        run.exit_status,
        run.reason,
        run.status,
        sorted(run.streams),
        [stream.data_keys for stream in run.streams.values()],
        sorted({finding.rule for finding in run.findings}),
        run.devices,
        run.products,
        run.annotations,
    )
    return hashlib.blake2b(_pack(told), digest_size=12).digest()


def scan_number(scan_id: int | None) -> str | None:
    """Return a scan number as its column has it, None if it is beyond all sense.

    Python writes out no integer of more than 4,300 digits, and no index holds one.
    """
    if scan_id is None or abs(scan_id) >= _SENSELESS:
        return None
    return str(scan_id)


def newest(time: float | None) -> float:
    """Return what a run is ordered by, -inf for one without a start time."""
    return -math.inf if time is None or math.isnan(time) else float(time)


def lease(run: Run) -> float | None:
    """Return until when an open run is leased, None for any other."""
    return run.lease_until if run.status is Status.OPEN else None


def bounded(count: int) -> int:
    """Return a count that fits 64 bits."""
    return min(count, ABSENT)


def _view(found: Searchable) -> dict[str, Any]:
    return {
        path: _decimal(held)
        if not isinstance(held, list)
        else list(map(_decimal, held))
        for path, held in found.view().items()
        # No query can ask for these, and no text of PostgreSQL's can hold them.
        if "\0" not in path
    }


def _decimal(value: Scalar) -> Any:
    return msgspec.Raw(exact(value).encode()) if type(value) is float else value
