"""AbortDaq in each substate, through a real server that is kept there."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.faces.dpm.conftest import camera, specification
from tests.transfer.serving import Store, serving

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import until


@pytest.fixture
def archive() -> Iterator[Store]:
    with serving() as store:
        yield store


@pytest.fixture
def slow(tmp_path: Path, archive: Store) -> Iterator[ServerProcess]:
    """A server with one slot for merges, whose only program never ends by itself."""
    folder = tmp_path / "data"
    folder.mkdir()
    words = ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 600"]
    (folder / "quire.toml").write_text(
        "[kinds.merge]\nconcurrency = 1\n"
        f'[transfers]\nhttp = ["{archive.url}/raw"]\n'
        f"[transfers.commands]\nslow = {words!r}\n"
    )
    server = ServerProcess(folder)
    server.start()
    yield server
    server.kill()


class Asking:
    """What an operator does, and sees."""

    def __init__(self, http: httpx.Client, folder: Path) -> None:
        self._http = http
        self._folder = folder

    def __call__(self, command: str, /, **arguments: Any) -> httpx.Response:
        return self._http.post(f"/daq/{command}", json=arguments)

    def substate(self, name: str) -> str:
        found = self("GetArchivedDaqStatus", id=name).json()
        return str(found["subState"])

    def abort(self, name: str) -> None:
        """Abort, and see that nothing of it is left when the answer is there."""
        job = self("GetInternalDaqStatus", id=name).json()["job"]
        answer = self("AbortDaq", id=name)
        assert answer.json() == {"id": name, "error": False}, answer.text
        assert self.substate(name) == "Aborted"
        left = list((self._folder / "jobs" / job).rglob("*.fits*"))
        assert left == []
        assert not (self._folder / "products" / f"{name}.fits").exists()


def test_an_abort_leaves_nothing_wherever_it_comes(
    slow: ServerProcess, archive: Store, tmp_path: Path
) -> None:
    here = camera(tmp_path / "a.fits", "CAM")
    before = hashlib.sha256(here.read_bytes()).hexdigest()
    archive.files = {f"/raw/{name}.fits": here.read_bytes() for name in "ab"}
    with slow.http() as http:
        ask = Asking(http, slow.folder)
        far = specification("ABORT.COLLECT", here, Path("/x"))
        far["sources"][1]["location"] = f"{archive.url}/raw/a.fits"
        archive.open.clear()
        ask("QueueDaq", specification=far).raise_for_status()
        until(lambda: ("GET", "/raw/a.fits", "") in archive.asked)
        assert ask.substate("ABORT.COLLECT") == "Collecting"

        waits = specification("ABORT.WAIT", Path("/x"))
        waits["sources"][0]["location"] = f"{archive.url}/raw/b.fits"
        ask("QueueDaq", specification=waits).raise_for_status()
        assert ask.substate("ABORT.WAIT") == "Scheduled"
        ask.abort("ABORT.WAIT")
        # Queueing has asked no source's host for anything.
        assert not [one for one in archive.asked if one[1] == "/raw/b.fits"]
        ask.abort("ABORT.COLLECT")
        archive.open.set()

        receivers = [{"type": "commandReceiver", "command": "slow"}]
        last = specification("ABORT.RELEASE", here, receivers=receivers)
        ask("QueueDaq", specification=last).raise_for_status()
        pid = tmp_path / "pid"
        until(lambda: pid.exists() and pid.read_text().strip())
        assert ask.substate("ABORT.RELEASE") == "Releasing"
        ask.abort("ABORT.RELEASE")
        assert not Path(f"/proc/{pid.read_text().strip()}").exists()
    assert hashlib.sha256(here.read_bytes()).hexdigest() == before


def test_an_abort_takes_what_a_killed_delivery_has_left(
    slow: ServerProcess, tmp_path: Path
) -> None:
    export, olas = tmp_path / "export", tmp_path / "olas"
    export.mkdir()
    receivers = [
        {"type": "folderReceiver", "path": str(export)},
        {"type": "olasReceiver", "path": str(olas)},
    ]
    here = camera(tmp_path / "a.fits", "CAM")
    with slow.http() as http:
        ask = Asking(http, slow.folder)
        wanted = specification("ABORT.LEFT", here, receivers=receivers)
        ask("QueueDaq", specification=wanted).raise_for_status()
        until(lambda: ask("GetDaqStatus", id="ABORT.LEFT").json()["error"])
        # As one that was killed while it flushed to disk.
        left = export / ".ABORT.LEFT.fits.part"
        left.write_bytes(b"SIMPLE")
        ask.abort("ABORT.LEFT")
    # What was delivered whole is its receiver's.
    assert [one.name for one in export.iterdir()] == ["ABORT.LEFT.fits"]


@pytest.mark.parametrize("way", ["uws", "api"])
@pytest.mark.parametrize("killed", [True, False], ids=["under-way", "held"])
def test_an_abort_by_another_face_takes_it_too(
    slow: ServerProcess, tmp_path: Path, way: str, *, killed: bool
) -> None:
    name = f"OTHER.{way}.{killed}"
    export, here = tmp_path / "export", camera(tmp_path / "a.fits", "CAM")
    export.mkdir()
    other: dict[str, Any] = {"type": "commandReceiver", "command": "slow"}
    if not killed:
        other = {"type": "olasReceiver", "path": str(tmp_path / "none")}
    receivers = [{"type": "folderReceiver", "path": str(export)}, other]
    wanted = specification(name, here, receivers=receivers)
    left, pid = export / f".{name}.fits.part", tmp_path / "pid"
    with slow.http() as http:
        ask = Asking(http, slow.folder)
        ask("QueueDaq", specification=wanted).raise_for_status()
        if killed:
            until(lambda: pid.exists() and pid.read_text().strip())
        else:
            until(lambda: ask("GetDaqStatus", id=name).json()["error"])
        job = ask("GetInternalDaqStatus", id=name).json()["job"]
        left.write_bytes(b"SIMPLE")
        if way == "api":
            done = http.post(f"/api/v1/jobs/{job}/abort")
        else:
            done = http.post(f"/uws/merge/jobs/{job}/phase", data={"PHASE": "ABORT"})
        assert done.status_code < 400, done.text
        until(lambda: not left.exists())
    assert [one.name for one in export.iterdir()] == [f"{name}.fits"]
