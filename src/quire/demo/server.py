"""A `quire serve` of the demonstration's own, as a child process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from quire.demo.failure import DemonstrationFailed

START_SECONDS = 30.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A running server.

    Attributes
    ----------
    url
        Its address, without a slash at the end.
    token
        What admits its owner.
    folder
        Its data folder, absolute.
    """

    url: str
    token: str
    folder: Path

    def http(self) -> httpx.Client:
        """Return a client for its API that raises for no status."""
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30.0,
        )


@contextmanager
def served(folder: Path, log: Path) -> Iterator[Server]:
    """Serve a data folder on a free loopback port; stop and reap at the end.

    Parameters
    ----------
    folder
        The data folder; made if missing.
    log
        Where the server's own words go.

    Raises
    ------
    DemonstrationFailed
        It does not start; with its last words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as words:
        child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "quire", "serve", str(folder), "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            # Ctrl-C in the terminal is for the demonstration, which then stops it.
            start_new_session=True,
        )
    try:
        yield _wait_until_ready(child, folder, log)
    finally:
        _stop(child)


def _wait_until_ready(
    child: subprocess.Popen[bytes], folder: Path, log: Path
) -> Server:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise DemonstrationFailed("start of the server", _last_words(log))
        found = _read(folder / "server.json")
        if found is not None and found.get("pid") == child.pid:
            return Server(
                url=found["url"].rstrip("/"), token=found["token"], folder=folder
            )
        time.sleep(POLL_SECONDS)
    reason = f"not ready after {START_SECONDS:.0f} s"
    raise DemonstrationFailed("start of the server", reason, f"see {log}")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return " / ".join(lines[-5:]) or "it ended without a word"


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the server and whatever it has left in its process group."""
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    try:
        os.killpg(child.pid, 9)
    except ProcessLookupError:
        return
