"""A real server whose disk is full for a while, the store's own included."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from astropy.io import fits
from tests.faces.dpm.conftest import camera, listening, specification

from quire.testing.campaigns.server import ServerProcess
from quire.testing.faults.full_disk import cannot_mount, small_disk
from quire.testing.not_proved import not_proved
from quire.testing.postgres.choosing import on_postgres
from quire.testing.waiting import until
from quire.writers.fits.verify import verify

FULL = 507


def big(path: Path) -> Path:
    image = fits.ImageHDU(np.ones((2048, 2048), "int16"))
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, checksum=True)
    return path


def fill(path: Path) -> None:
    """Write until there is no space left."""

    def write_on() -> None:
        while True:
            disk.write(bytes(4096))

    disk = path.open("ab", buffering=0)
    with disk, pytest.raises(OSError, match="No space"):
        write_on()


def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    if reason := cannot_mount():
        mend = "run as root where a tmpfs can be mounted"
        pytest.skip(not_proved("a full disk", why=reason, mend=mend))
    if on_postgres():
        why = "the records lie on PostgreSQL's disk, not on the small one"
        mend = "run it without QUIRE_TEST_STORES=postgres"
        pytest.skip(not_proved("a full disk", why=why, mend=mend))
    source, small = big(tmp_path / "big.fits"), camera(tmp_path / "a.fits", "CAM")
    with small_disk(tmp_path / "disk", 96 * 2**20) as disk:
        data, ballast = disk / "data", disk / "ballast"
        data.mkdir()
        (data / "quire.toml").write_text("[acquisitions]\nkeep_free = 0\n")
        server = ServerProcess(data)
        server.start()
        try:
            with server.http() as http:
                queued = filled_and_freed(http, source, small, ballast)
            products = sorted((data / "products").glob("*.fits"))
            assert [path.stem for path in products] == sorted(queued)
            assert {verify(path).problems for path in products} == {()}
        finally:
            server.kill()


def filled_and_freed(
    http: httpx.Client, source: Path, small: Path, ballast: Path
) -> list[str]:
    """Fill the disk until nothing can be queued, free it; return what was queued."""

    def queue(name: str, path: Path) -> int:
        body = {"specification": specification(name, path)}
        return http.post("/daq/QueueDaq", json=body).status_code

    def status(name: str) -> Any:
        return http.post("/daq/GetArchivedDaqStatus", json={"id": name}).json()

    with listening(http, "/daq/status") as events:
        assert queue("FULL.0", source) == httpx.codes.OK
        next(one for one in events if one[2]["subState"] == "Collecting")
    queued = ["FULL.0"]
    for number in range(1, 300):  # the store may have some room left in its files
        fill(ballast)
        name = f"FULL.{number}"
        if queue(name, small) == FULL:
            break
        queued.append(name)
    assert status(name)["exception"] == "DaqException"  # nothing of it was stored
    assert not any(status(one)["error"] for one in queued)

    ballast.unlink()
    until(lambda: queue(name, small) == httpx.codes.OK)
    queued.append(name)
    for one in queued:
        until(lambda one=one: status(one)["subState"] == "Completed", 60)  # type: ignore[misc]
    return queued
