"""What keeps a server from starting, and what ends it in order."""

import os
import signal
import socket
from pathlib import Path

import pytest

from quire.app.serving import serve
from quire.config import Settings
from quire.errors import InputError
from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_server_in_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    server = ServerProcess(tmp_path / "data")
    server.start()
    try:
        assert server.pid is not None
        os.kill(server.pid, number)
        assert server.wait(PATIENCE) == 0
        assert not (tmp_path / "data" / "server.json").exists()
    finally:
        server.kill()


def test_a_port_that_is_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.load(environment={}, data_folder=tmp_path, port=port)
        with pytest.raises(InputError, match=f"port: {port} is in use"):
            serve(settings)


def test_an_address_that_is_not_here_is_told(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, host="192.0.2.1", port=0)
    with pytest.raises(InputError, match="port: 0 cannot be listened on: "):
        serve(settings)
