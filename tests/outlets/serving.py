"""Real servers at addresses that outlive them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from quire.testing.ports import free_port
from quire.testing.waiting import PATIENCE, until


class Program:
    """A program that serves HTTP; may be killed and started again."""

    def __init__(self, command: Sequence[str], url: str, ready: str) -> None:
        self.url = url
        self._command = command
        self._ready = ready
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(self._answers, 4 * PATIENCE)  # tiled loads for long

    def kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def _answers(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, "it ended"
        try:
            return (
                httpx.get(self.url + self._ready, timeout=PATIENCE).status_code == 200
            )
        except httpx.TransportError:
            return False


class Quire(Program):
    """`quire serve` on a data folder, always at the same port."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        port = free_port()
        self.folder = folder
        folder.mkdir(mode=0o700)
        (folder / "quire.toml").write_text(settings)
        command = [sys.executable, "-m", "quire", "serve", str(folder)]
        url = f"http://127.0.0.1:{port}"
        super().__init__([*command, "--port", str(port)], url, "/readyz")

    @property
    def token(self) -> str:
        return (self.folder / "token").read_text().strip()

    def http(self) -> httpx.Client:
        head = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=head, timeout=PATIENCE)

    def post(self, body: bytes) -> dict[str, Any]:
        with self.http() as http:
            answer = http.post("/api/v1/documents", content=body)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

    def documents(self, run: str) -> list[Any]:
        """Return the documents of a run in the order of arrival."""
        with self.http() as http:
            answer = http.get(
                f"/api/v1/runs/{run}/documents", params={"order": "received"}
            )
            if answer.status_code == 404:
                return []
            return [json.loads(line) for line in answer.text.splitlines()]

    def outlets(self) -> list[dict[str, Any]]:
        with self.http() as http:
            found: list[dict[str, Any]] = http.get("/api/v1/outlets").json()["outlets"]
            return found
