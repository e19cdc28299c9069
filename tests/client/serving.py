"""Servers to start and kill."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from quire.testing.waiting import PATIENCE, until

HERE = Path(__file__).parent


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
        found: dict[str, Any] = httpx.get(f"{self.url}/known", timeout=PATIENCE).json()
        return found
