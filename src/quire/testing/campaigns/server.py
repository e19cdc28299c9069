"""A real `quire serve` in a child process, to be killed and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from quire.client.discovery import Address
from quire.testing.postgres.choosing import database_of
from quire.testing.waiting import PATIENCE

START_SECONDS = 120.0
POLL_SECONDS = 0.01


class ServerProcess:
    """Serves one data folder; may be started and killed any number of times.

    Parameters
    ----------
    module
        The program: another than ours serves as a negative control.
    environment
        Added to this process's own.
    name
        Of one of several servers on the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        module: str = "quire",
        environment: Mapping[str, str] | None = None,
        name: str = "",
    ) -> None:
        self.folder = folder
        self._file = folder / (f"server-{name}.json" if name else "server.json")
        self._log = folder.with_name(f"{folder.name}{name and '-'}{name}.log")
        self._module = module
        named = {"QUIRE_NAME": name} if name else {}
        if url := database_of(folder):
            named["QUIRE_DATABASE"] = url
        self._environment = {**os.environ, **named, **(environment or {})}
        self._child: subprocess.Popen[bytes] | None = None
        self._found: dict[str, Any] = {}

    def start(self) -> None:
        """Start it and return once it is ready.

        Raises
        ------
        RuntimeError
            It ended, or was not ready in time; with what it wrote.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self._log
        with log.open("ab") as words:
            child = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    "-m",
                    self._module,
                    "serve",
                    str(self.folder),
                    "--port",
                    "0",
                ],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
                env=self._environment,
            )
        self._child = child
        deadline = time.monotonic() + START_SECONDS
        while not self._ready(child.pid):
            if child.poll() is not None or time.monotonic() > deadline:
                self.kill()
                said = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the server did not start: {said}")
            time.sleep(POLL_SECONDS)

    def _ready(self, pid: int) -> bool:
        try:
            self._found = json.loads(self._file.read_bytes())
        except (FileNotFoundError, ValueError):
            return False
        return bool(self._found["pid"] == pid)

    def kill(self) -> None:
        """Kill it and what it started, with SIGKILL, and reap it."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    @property
    def address(self) -> Address:
        """Where it is, and what admits its owner."""
        return Address(url=self._found["url"], token=self._found["token"])

    @property
    def pid(self) -> int | None:
        """Its process, if it was started and neither killed nor stopped."""
        return self._child.pid if self._child else None

    def wait(self, seconds: float) -> int:
        """Return its exit code once it has ended by itself.

        Raises
        ------
        subprocess.TimeoutExpired
            It goes on.
        """
        if self._child is None:
            raise RuntimeError("it is not running")
        return self._child.wait(seconds)

    def stop(self) -> None:
        """End it in order, with SIGTERM."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait(START_SECONDS)
            self.kill()

    def http(self) -> httpx.Client:
        """Return a client for its API."""
        return httpx.Client(
            base_url=self._found["url"],
            headers={"Authorization": f"Bearer {self._found['token']}"},
            timeout=PATIENCE,
        )
