"""Merges under SIGKILL: one product each, whatever was killed and when.

The points are named by the merge's own progress log: as soon as a message is in the
log the server, or the worker of the attempt, is killed. A control that spoils
products and plants second ones must be noticed.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec

from quire.testing.campaigns.server import ServerProcess
from quire.testing.fits_files import image_file
from quire.writers.fits.verify import verify

POINTS = (
    "Queued",
    "Reading headers",
    "Copying cam0",
    "Copying cam1",
    "Copying cam2",
    "Copying cam3",
    "Verifying",
    "Flushing to disk",
    "Merged",
    "Published",
)
VICTIMS = ("server", "worker")
_PATIENCE = 60.0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one killing came to.

    Attributes
    ----------
    attempts
        That the job took.
    problems
        Empty if there is one product, verified.
    """

    victim: str
    point: str
    attempts: int
    problems: tuple[str, ...]


def campaign(
    folder: Path,
    *,
    victims: Sequence[str] = VICTIMS,
    points: Sequence[str] = POINTS,
    control: bool = False,
) -> list[Verdict]:
    """Kill each victim at each point of a merge of its own.

    Parameters
    ----------
    control
        Spoil every product, and plant a second one beside it, before they are judged.
    """
    sources = folder / "sources"
    sources.mkdir(parents=True)
    files = [sources / f"cam{number}.fits" for number in range(4)]
    for number, file in enumerate(files):
        image_file(file, seed=number, shape=(2000, 2000))
    server = ServerProcess(folder / "data")
    server.start()
    try:
        return [
            _killed_once(server, files, victim, point, control=control)
            for victim in victims
            for point in points
        ]
    finally:
        server.stop()


def _killed_once(
    server: ServerProcess,
    files: Sequence[Path],
    victim: str,
    point: str,
    *,
    control: bool,
) -> Verdict:
    name = f"KILL.{victim}.{point.replace(' ', '-')}"
    with server.http() as http:
        job = _submit(http, name, files)
        _wait_for(http, job, point)
    if victim == "server":
        server.kill()
        server.start()
    else:
        _kill_workers(server.folder)
    with server.http() as http:
        found = _settled(http, job)
    shelf = server.folder / "products"
    if control:
        _spoil(shelf / f"{name}.fits")
    products = sorted(shelf.glob(f"{name}*.fits"))
    problems = [problem for each in products for problem in verify(each).problems]
    if found["phase"] != "COMPLETED":
        problems.append(f"the job is {found['phase']}")
    if len(products) != 1:
        problems.append(f"{len(products)} products")
    return Verdict(
        victim=victim,
        point=point,
        attempts=found["attempt"],
        problems=tuple(problems),
    )


def _spoil(product: Path) -> None:
    content = bytearray(product.read_bytes())
    content[len(content) // 2] ^= 1
    product.with_suffix(".again.fits").write_bytes(content)
    product.write_bytes(content)


def _submit(http: httpx.Client, name: str, files: Sequence[Path]) -> str:
    wanted = {
        "id": name,
        "sources": [
            {"type": "fitsFile", "sourceName": file.stem, "location": str(file)}
            for file in files
        ],
        "target": {"fileId": name},
    }
    body = {"kind": "merge", "parameters": {"SPECIFICATION": wanted}, "run": True}
    job: str = http.post("/api/v1/jobs", json=body).raise_for_status().json()["id"]
    return job


def _wait_for(http: httpx.Client, job: str, point: str) -> None:
    with http.stream("GET", f"/api/v1/operations/{job}/events") as told:
        for line in told.iter_lines():
            if line.startswith("data:") and point in line:
                return
    raise RuntimeError(f"the log never said {point!r}")


def _kill_workers(folder: Path) -> None:
    """Kill every worker that has a file of an attempt open."""
    attempts = str(folder / "jobs")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            opened = [str(file.readlink()) for file in (entry / "fd").iterdir()]
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"quire.worker" in words and any(
            path.startswith(attempts) for path in opened
        ):
            os.kill(int(entry.name), signal.SIGKILL)


def _settled(http: httpx.Client, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE
    while True:
        found: dict[str, Any] = http.get(f"/api/v1/jobs/{job}").json()
        if found["phase"] not in {"QUEUED", "EXECUTING"}:
            return found
        if time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def main() -> int:
    """Run the campaign and print what it came to."""
    parser = argparse.ArgumentParser(prog="python -m quire.testing.campaigns.merges")
    parser.add_argument(
        "--control", action="store_true", help="must go wrong every time"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        verdicts = campaign(Path(folder), control=options.control)
    for one in verdicts:
        told = "; ".join(one.problems) or "one product, verified"
        sys.stdout.write(
            f"{one.victim:7} {one.point:18} {one.attempts} attempts: {told}\n"
        )
    bad = sum(bool(one.problems) for one in verdicts)
    again = sum(one.attempts > 1 for one in verdicts)
    sys.stdout.write(
        f"{len(verdicts)} kills, {again} took another attempt, {bad} went wrong\n"
    )
    return int(bad < len(verdicts)) if options.control else int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
