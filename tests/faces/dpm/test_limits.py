"""A host is asked for two files at a time, by all acquisitions together."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.faces.dpm.conftest import camera, settled, specification
from tests.transfer.serving import Store, serving

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import until

_MANY = 6
_LIMIT = 2


@pytest.fixture
def archives() -> Iterator[tuple[Store, Store]]:
    with serving() as one, serving() as other:
        yield one, other


@pytest.fixture
def server(tmp_path: Path, archives: tuple[Store, Store]) -> Iterator[ServerProcess]:
    folder = tmp_path / "data"
    folder.mkdir()
    places = [f"{archive.url}/raw" for archive in archives]
    (folder / "quire.toml").write_text(
        f"slots = {_MANY + 1}\n[kinds.merge]\nconcurrency = {_MANY + 1}\n"
        f"[transfers]\nhttp = {places!r}\n"
    )
    found = ServerProcess(folder)
    found.start()
    yield found
    found.kill()


def far(name: str, *places: str) -> dict[str, Any]:
    return specification(name, *map(Path, places)) | {
        "sources": [
            {"type": "fitsFile", "sourceName": f"far{n}", "location": place}
            for n, place in enumerate(places)
        ]
    }


def fetched(archive: Store) -> set[str]:
    return {path for method, path, _ in archive.asked if method == "GET"}


def holders(folder: Path) -> set[int]:
    """Return the processes that hold a lock on one of a folder's files (proc(5))."""
    files = {one.stat().st_ino for one in folder.iterdir()}
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return {
        int(words[4])
        for words in lines
        if words[1] == "FLOCK" and int(words[5].rpartition(":")[2]) in files
    }


class Asking:
    """What an operator does, and sees."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def __call__(self, command: str, /, **arguments: Any) -> httpx.Response:
        return self._http.post(command, json=arguments)

    def queue(self, name: str, place: str) -> None:
        answer = self("/daq/QueueDaq", specification=far(name, place))
        answer.raise_for_status()

    def begin(self, archive: Store, content: bytes) -> None:
        """Queue many, and wait until all are at work on a host that stands still."""
        archive.files = {f"/raw/{n}.fits": content for n in range(_MANY)}
        archive.open.clear()
        for n in range(_MANY):
            self.queue(f"LIMIT.{n}", f"{archive.url}/raw/{n}.fits")
        until(lambda: self.substates() == {"Collecting"})
        until(lambda: len(fetched(archive)) == _LIMIT)

    def substates(self) -> set[str]:
        return {one["subState"] for one in self("/daq/GetActiveDaqs").json()}

    def all_completed(self, archive: Store) -> None:
        """Let the host go on, and wait."""
        archive.open.set()
        for n in range(_MANY):
            assert settled(self, f"LIMIT.{n}")["subState"] == "Completed"


def test_many_acquisitions_ask_a_host_for_two_files_at_a_time(
    server: ServerProcess, archives: tuple[Store, Store], tmp_path: Path
) -> None:
    slow, quick = archives
    content = camera(tmp_path / "a.fits", "CAM").read_bytes()
    quick.files = {"/raw/q.fits": content}
    with server.http() as http:
        ask = Asking(http)
        ask.begin(slow, content)
        # Another host's acquisition passes those that wait.
        ask.queue("QUICK", f"{quick.url}/raw/q.fits")
        assert settled(ask, "QUICK")["subState"] == "Completed"
        assert len(fetched(slow)) == _LIMIT
        ask.all_completed(slow)
    assert slow.most == _LIMIT


def test_who_is_killed_lets_go_of_its_host(
    server: ServerProcess, archives: tuple[Store, Store], tmp_path: Path
) -> None:
    slow, _ = archives
    content = camera(tmp_path / "a.fits", "CAM").read_bytes()
    with server.http() as http:
        ask = Asking(http)
        ask.begin(slow, content)
        at_work = holders(server.folder / "transfers")
        assert len(at_work) == _LIMIT
        for pid in at_work:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(fetched(slow)) > _LIMIT)
        ask.all_completed(slow)
