"""Collecting from HTTP and releasing, through a real server with its settings."""

import contextlib
import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from tests.faces.dpm.conftest import camera, settled, specification

from quire.testing.campaigns.server import ServerProcess


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "archive"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def serving(folder: Path, settings: str) -> Iterator[httpx.Client]:
    folder.mkdir()
    (folder / "quire.toml").write_text(settings)
    server = ServerProcess(folder)
    server.start()
    try:
        with server.http() as client:
            yield client
    finally:
        server.kill()


def test_a_receiver_that_appears_late_gets_the_product(
    tmp_path: Path, archive: str
) -> None:
    here = camera(tmp_path / "a.fits", "HERE")
    camera(tmp_path / "archive" / "b.fits", "THERE")
    olas = tmp_path / "olas"
    wanted = specification(
        "LATE.1", here, receivers=[{"type": "olasReceiver", "path": str(olas)}]
    )
    there = {"type": "fitsFile", "sourceName": "far", "location": f"{archive}/b.fits"}
    wanted["sources"].append(there)
    with serving(tmp_path / "data", f'[transfers]\nhttp = ["{archive}"]\n') as client:

        def ask(command: str, /, **arguments: object) -> httpx.Response:
            return client.post(command, json=arguments)

        elsewhere = {**there, "location": "http://127.0.0.1:1/b.fits"}
        refused = ask("/daq/QueueDaq", specification={**wanted, "sources": [elsewhere]})
        assert refused.status_code == 422
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        status = settled(ask, "LATE.1")
        assert (status["subState"], status["error"]) == ("Releasing", True)
        (alert,) = status["alerts"]
        assert "Source File Releasing Error" in alert["description"]
        assert str(olas) in alert["description"]

        olas.mkdir()
        here.unlink()
        ask("/daq/RetryMergeDaq", id="LATE.1").raise_for_status()
        status = settled(ask, "LATE.1")

    assert (status["subState"], status["error"]) == ("Completed", False)
    product = next((tmp_path / "data" / "products").glob("LATE.1.fits"))
    assert (olas / "LATE.1.fits").samefile(product)
