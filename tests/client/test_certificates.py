"""A server whose certificate a site's own authority has signed."""

import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.engines.dask.test_tls import authority

from quire.client.connection import Connection
from quire.client.errors import ConnectionLost
from quire.client.fetching import fetched
from quire.errors import InputError


class Handler(BaseHTTPRequestHandler):
    """Answers an empty object, whatever it is asked."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815 - as the library has it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The server's address, and the authority's certificate."""
    root, certificate, key = authority(tmp_path / "authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", root
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("home")
def test_all_ways_to_a_server_believe_the_same_authorities(
    site: tuple[str, Path],
) -> None:
    url, root = site
    with Connection(url, "token") as connection:
        with pytest.raises(ConnectionLost, match=r"(?i)certificate"):
            connection.get("/")
        with pytest.raises(ConnectionLost, match=r"(?i)certificate"):
            connection.post_raw("/", b"", "text/plain")
        with (
            pytest.raises(ConnectionLost, match=r"(?i)certificate"),
            fetched(connection, "/", {}),
        ):
            pass
    os.environ["SSL_CERT_FILE"] = str(root)  # `home` undoes it
    with Connection(url, "token") as connection:
        assert connection.get("/") == {}
        assert connection.post_raw("/", b"", "text/plain").status == 200
        with fetched(connection, "/", {}) as answer:
            assert answer.read() == b"{}"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("holds", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_named(
    tmp_path: Path, holds: str | None
) -> None:
    file = tmp_path / "site.pem"
    if holds is not None:
        file.write_text(holds)
    os.environ["SSL_CERT_FILE"] = str(file)
    with pytest.raises(InputError, match=r"SSL_CERT_FILE: .*site\.pem: .*PEM"):
        Connection("https://127.0.0.1:1", "token")
