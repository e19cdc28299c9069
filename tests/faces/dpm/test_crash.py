"""Acquisitions over kill -9: nothing lost, nothing doubled, no way back."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from astropy.io import fits
from tests.faces.dpm.conftest import listening, settled, specification

from quire.products.acquisition_states import NEXT, Substate
from quire.testing.campaigns.server import ServerProcess
from quire.writers.fits.verify import verify


def big(path: Path) -> Path:
    image = fits.ImageHDU(np.zeros((2048, 2048), "int16"))
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, checksum=True)
    return path


def queue_and_kill(process: ServerProcess, source: Path, point: str) -> None:
    """Queue two acquisitions and kill the server once one is told to be there."""
    names = [f"{point}.{number}" for number in range(2)]
    with process.http() as http, listening(http, "/daq/status") as events:
        for name in names:
            body = {"specification": specification(name, source)}
            http.post("/daq/QueueDaq", json=body).raise_for_status()
        for _, _, status in events:
            if status["id"] in names and status["subState"] == point:
                break
        process.kill()


def all_that_was_told(http: httpx.Client, names: list[str]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {name: [] for name in names}
    with listening(http, "/daq/status", **{"Last-Event-ID": "0"}) as events:
        for _, _, status in events:
            told[status["id"]].append(status["subState"])
            if all("Completed" in one for one in told.values()):
                break
    return told


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    source = big(tmp_path / "big.fits")
    points = ("Collecting", "Merging", "Scheduled")
    for point in points:
        process.start()
        queue_and_kill(process, source, point)
    process.start()
    names = sorted(f"{point}.{number}" for point in points for number in range(2))
    with process.http() as http:

        def ask(command: str, /, **arguments: Any) -> httpx.Response:
            return http.post(command, json=arguments)

        for name in names:
            assert settled(ask, name)["subState"] == "Completed"
        told = all_that_was_told(http, names)
    process.stop()
    products = sorted((tmp_path / "data" / "products").glob("*.fits"))
    assert [path.stem for path in products] == names
    for path in products:
        assert verify(path).problems == ()
    for steps in told.values():
        assert steps[0] == "Scheduled"
        for before, after in pairwise(steps):
            assert before == after or Substate(after) in NEXT[Substate(before)]
