"""The second half: an acquisition merges the cameras' files, and judges look at it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from quire.demo.bars import Bars
from quire.demo.failure import DemonstrationFailed
from quire.demo.judges import Verdict, ask_astropy, ask_fitsverify, ask_manifest
from quire.demo.observing import Observed
from quire.demo.server import Server
from quire.demo.specification import specification

MERGE_SECONDS = 120.0


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The product.

    Attributes
    ----------
    file, manifest
        Where they lie, absolute.
    size
        Bytes.
    """

    job: str
    file: Path
    manifest: Path
    size: int


def acquisition(server: Server, bars: Bars, observed: Observed) -> Merged:
    """Queue a merge of the cameras' files and wait for its product."""
    moment = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    asked = {
        "kind": "merge",
        "run": True,
        "parameters": {
            "SPECIFICATION": specification(
                f"DEMO.{moment}", observed.start, observed.files
            ),
            "RUN": [observed.start["uid"]],
        },
    }
    with server.http() as http:
        job = _answer(http.post("/api/v1/jobs", json=asked), "queueing the merge")
        watch = bars.watch(server, job["id"], "merge")
        last = watch.wait(MERGE_SECONDS)
        watch.stop()
        job = _answer(http.get(f"/api/v1/jobs/{job['id']}"), "the merge")
        if job["phase"] != "COMPLETED" or not job["product"]:
            raise DemonstrationFailed(
                "the merge", _why(job, last.message if last else "")
            )
        product = _answer(http.get(f"/api/v1/products/{job['product']}"), "the product")
    return Merged(
        job=job["id"],
        file=server.folder / product["file"],
        manifest=server.folder / product["manifest"],
        size=product["size"],
    )


def _why(job: dict[str, Any], said: str) -> str:
    alerts = [str(alert["description"]) for alert in job.get("alerts") or ()]
    words = "; ".join(alerts) or said or str(job.get("error") or "no reason given")
    return f"it is {job['phase']}: {words}"


def verdicts(merged: Merged) -> list[Verdict]:
    """Ask every judge about the product."""
    return [
        ask_manifest(merged.file),
        ask_astropy(merged.file),
        ask_fitsverify(merged.file),
    ]


def login_link(server: Server) -> str:
    """Return an address that opens the dashboard once, without a password."""
    with server.http() as http:
        return str(_answer(http.post("/api/v1/login-links"), "the login link")["url"])


def _answer(response: httpx.Response, step: str) -> dict[str, Any]:
    found: dict[str, Any] = response.json()
    if response.is_error:
        detail = found.get("detail") or found.get("title") or response.text
        raise DemonstrationFailed(step, f"{response.status_code}: {detail}")
    return found
