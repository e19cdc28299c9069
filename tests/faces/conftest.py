"""A real server in a child process, one for all tests of the faces."""

from collections.abc import Iterator

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess

RULE = """
[projections.shown]
runs = "plan_name = 'none of these'"
enabled = false
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("served") / "data")
    process.folder.mkdir()
    (process.folder / "quire.toml").write_text(RULE)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    with server.http() as client:
        yield client
