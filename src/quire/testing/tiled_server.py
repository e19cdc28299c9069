"""A real `tiled serve catalog` in a process of its own, to be compared with."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quire.testing.ports import free_port

KEY = "secret"
_START_SECONDS = 240.0


@contextmanager
def tiled_server(folder: Path) -> Iterator[str]:
    """Serve a new catalog in SQLite, tables as well, and yield its URL.

    Raises
    ------
    RuntimeError
        It ended, or did not answer in time; with what it wrote.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    url, log = f"http://127.0.0.1:{free_port()}", folder / "tiled.log"
    words = [str(Path(sys.executable).with_name("tiled")), "serve", "catalog"]
    words += [str(folder / "catalog.db"), "--init", "--api-key", KEY]
    words += ["--write", str(data), "--write", f"sqlite:///{folder / 'tables.db'}"]
    words += ["--port", url.rpartition(":")[2]]
    with log.open("wb") as said:
        process = subprocess.Popen(words, stdout=said, stderr=said)  # noqa: S603
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(f"{url}/healthz"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")[-2000:])
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0):  # noqa: S310 - our own
            return True
    except (urllib.error.URLError, OSError):
        return False
