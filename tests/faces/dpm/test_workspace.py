"""The workspace of a real server, read as a person would."""

import json
import shutil
from pathlib import Path

import httpx
from tests.faces.dpm.conftest import Ask, camera, settled, specification

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import until


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_folder_tells_all_of_an_acquisition(
    ask: Ask, server: ServerProcess, tmp_path: Path
) -> None:
    workspace, late = server.folder / "dpm", tmp_path / "late.fits"
    text = json.dumps(specification("WORK.1", late), indent=3)
    ask("/daq/QueueDaq", specification=text).raise_for_status()
    settled(ask, "WORK.1")
    here = workspace / "in-progress" / "WORK.1"
    until(lambda: '"error": true' in read(here / "status.json"))
    assert read(here / "specification.json") == text
    until(lambda: "there is no file" in read(here / "logs" / "merge.log"))
    until(lambda: "WORK.1" in json.loads(read(workspace / "queue.json") or "[]"))
    # Moved at one stroke: the server may be writing there.
    workspace.rename(tmp_path / "lost")
    camera(late, "CAM")
    ask("/daq/RetryMergeDaq", id="WORK.1").raise_for_status()
    archive = workspace / "archive" / "WORK.1"
    until(lambda: read(archive / "status.json"))
    status = json.loads(read(archive / "status.json"))
    assert (status["substate"], status["product"]) == (
        "Completed",
        "products/WORK.1.fits",
    )
    manifest = json.loads(read(archive / "manifest.json"))
    assert manifest["id"] == "WORK.1"
    last = read(archive / "logs" / "merge.log").splitlines()[-1]
    assert last.endswith("Published WORK.1.fits")
    until(lambda: "WORK.1" not in read(workspace / "queue.json"))
    assert not here.exists()


def test_a_start_writes_again_what_is_lost(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    process.start()
    here = tmp_path / "data" / "dpm" / "in-progress" / "WORK.2"
    with process.http() as http:
        wanted = specification("WORK.2", tmp_path / "none.fits")
        http.post("/daq/QueueDaq", json={"specification": wanted}).raise_for_status()
        until(lambda: '"error": true' in read(here / "status.json"))
    process.kill()
    shutil.rmtree(tmp_path / "data" / "dpm")
    process.start()
    until(lambda: '"error": true' in read(here / "status.json"))
    with process.http() as http:

        def ask(command: str, /, **arguments: str) -> httpx.Response:
            return http.post(command, json=arguments)

        assert settled(ask, "WORK.2")["subState"] == "Collecting"
    process.stop()
