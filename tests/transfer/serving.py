"""A real HTTP server for the tests: files with ranges, and ways to misbehave."""

import contextlib
import hashlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from quire.testing.waiting import PATIENCE

_LOOK = 0.02


class Store:
    """What the server has, and what it was asked.

    Attributes
    ----------
    files
        Content by path.
    cut
        How many answers are to break off in the middle.
    busy
        How many requests are to be answered with 503.
    open
        Until it is set, answers stop in the middle.
    most
        The most files that were being sent at one time.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.queries: list[str] = []
        self.cut = 0
        self.busy = 0
        self.open = threading.Event()
        self.open.set()
        self.url = ""
        self.most = 0
        self._sending = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Count a file that is being sent."""
        with self._lock:
            self._sending += 1
            self.most = max(self.most, self._sending)
        try:
            yield
        finally:
            with self._lock:
                self._sending -= 1


class _Server(ThreadingHTTPServer):
    def __init__(self, store: Store) -> None:
        self.store = store
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    @property
    def store(self) -> Store:
        assert isinstance(self.server, _Server)
        return self.server.store

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        asked = self.headers.get("Range", "")
        self.store.asked.append((self.command, path, asked))
        self.store.queries.append(self.path)
        if self.store.busy:
            self.store.busy -= 1
            self._answer(503)
        elif path in self.store.redirects:
            self._answer(302, location=self.store.redirects[path])
        elif path not in self.store.files:
            self._answer(404)
        else:
            self._send(self.store.files[path], asked)

    def do_DELETE(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self._answer(204 if self.store.files.pop(path, None) is not None else 404)

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        content = self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        self.store.asked.append(("PUT", path, ""))
        self.store.queries.append(self.path)
        if self.store.busy:
            self.store.busy -= 1
            self._answer(503)
            return
        self.store.files[path] = content
        self._answer(200)

    def _send(self, content: bytes, asked: str) -> None:
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        start = 0
        if asked and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            end = len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.store.cut:
            self.store.cut -= 1
            self.wfile.write(content[start : start + (len(content) - start) // 2])
            self.close_connection = True
            return
        middle = start + (len(content) - start) // 2
        with contextlib.suppress(ConnectionError):  # who asked may have gone
            with self.store.sending():
                self.wfile.write(content[start:middle])
                self._wait()
            # Nobody has all of it, and asks for more, before it is counted out.
            self.wfile.write(content[middle:])

    def _wait(self) -> None:
        """Wait until answers go on, or raise when whoever asked has gone."""
        deadline = time.monotonic() + PATIENCE
        while not self.store.open.wait(_LOOK) and time.monotonic() < deadline:
            said, _, _ = select.select([self.connection], [], [], 0)
            if said and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Store]:
    """Serve on the loopback for a while, with a context over TLS."""
    store = Store()
    with _Server(store) as server:
        store.url = f"http://127.0.0.1:{server.server_port}"
        if context is not None:
            store.url = store.url.replace("http", "https")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield store
        finally:
            store.open.set()
            server.shutdown()
            thread.join()
