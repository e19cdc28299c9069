"""A real server on a disk that is full for a while."""

from collections.abc import Callable
from pathlib import Path

import httpx

from quire.testing.campaigns.clients import Item
from quire.testing.campaigns.fault_figures import Figures
from quire.testing.campaigns.ledger import Ledger
from quire.testing.campaigns.server import ServerProcess
from quire.testing.faults.full_disk import (
    cannot_mount,
    lift_limit,
    limit_files,
    small_disk,
)

_SMALL_DISK = 24 * 2**20
_REFUSALS = 5


def fill_limited(folder: Path, *, seed: int) -> Figures:
    """Let the running server's files not grow, then let them."""
    server = ServerProcess(folder / "data")
    server.start()
    try:
        pid = server.pid or 0
        limit = 2**20 + max(file.stat().st_size for file in server.folder.glob("*"))
        limit_files(pid, limit)
        return _fill("file size limit", server, seed, lambda: lift_limit(pid))
    finally:
        server.kill()


def fill_small_disk(folder: Path, *, seed: int) -> Figures:
    """Fill a small tmpfs, then make room on it.

    Raises
    ------
    PermissionError
        None can be mounted here.
    """
    if reason := cannot_mount():
        raise PermissionError(reason)
    with small_disk(folder / "disk", _SMALL_DISK) as disk:
        server = ServerProcess(disk / "data")
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(_SMALL_DISK // 2))
        server.start()
        try:
            return _fill("small tmpfs", server, seed, ballast.unlink)
        finally:
            server.kill()


def _fill(
    name: str, server: ServerProcess, seed: int, make_room: Callable[[], object]
) -> Figures:
    ledger = Ledger(seed)
    problems = []
    statuses: list[int] = []
    batch: list[Item] = []
    with server.http() as http:
        while len(statuses) < _REFUSALS:
            batch = ledger.batch(400)
            status = ledger.send(http, batch)
            if status != httpx.codes.OK:
                statuses.append(status)
        if set(statuses) != {httpx.codes.INSUFFICIENT_STORAGE}:
            problems.append(f"answered with {statuses}")
        problems += ledger.problems(http)
        make_room()
        if ledger.send(http, batch) != httpx.codes.OK:
            problems.append("it did not go on when there was room again")
        problems += ledger.problems(http)
    server.kill()
    server.start()
    with server.http() as http:
        problems += ledger.problems(http)
    if not ledger.acknowledged:
        problems.append("nothing was ever acknowledged")
    return Figures(
        name=name,
        failures=len(statuses),
        refused=len(statuses),
        problems=tuple(problems),
    )
