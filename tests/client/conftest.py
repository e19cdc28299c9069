"""A home of its own for each test, and a server in it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.serving import Server


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Point the platform's folders, and so all defaults, at a place of our own."""
    former = dict(os.environ)
    for name in ("QUIRE_URL", "QUIRE_TOKEN", "QUIRE_DIR", "QUIRE_SERVER_FILE"):
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
