"""A home of its own for each test, and servers to start and kill."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return what a condition gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"still not so after {seconds} s: {condition}")


class Server:
    """One small server, to be started, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        program = HERE / "small_server.py"
        self._process = subprocess.Popen([sys.executable, program, self.folder])
        until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None
        with suppress(OSError, ValueError, httpx.TransportError):
            if self.record["pid"] == self._process.pid:
                return self.known() is not None
        return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "server.json").read_text())
        return found

    @property
    def url(self) -> str:
        return str(self.record["url"])

    @property
    def token(self) -> str:
        return str(self.record["token"])

    def known(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/known").json()
        return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Point the platform's folders, and so all defaults, at a place of our own."""
    former = dict(os.environ)
    for name in ("QUIRE_URL", "QUIRE_TOKEN", "QUIRE_DIR"):
        os.environ.pop(name, None)
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir(mode=0o700)
        os.environ[name] = str(folder)
    yield tmp_path
    os.environ.clear()
    os.environ.update(former)


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    """A server on the default data folder, not yet started."""
    made = Server(home / "xdg_data_home" / "quire")
    yield made
    made.kill()


@pytest.fixture
def running(server: Server) -> Server:
    server.start()
    return server
