import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from quire.client.connection import LASTING, Connection
from quire.client.errors import ConnectionLost


class Slow(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        time.sleep(0.5)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_what_takes_long_is_waited_for_by_who_knows(slow: str) -> None:
    with (
        Connection(slow, "t", patience=0.05) as connection,
        pytest.raises(ConnectionLost),
    ):
        connection.post("/freeze")
    with Connection(slow, "t", patience=LASTING) as connection:
        assert connection.post("/freeze") == {}
