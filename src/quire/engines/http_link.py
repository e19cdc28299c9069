"""The runner's line to a server on another machine: HTTP.

While the server is away it is asked again; whoever has asked for too long has lost its
lease. A request may so arrive twice: each verb bears that.
"""

import contextlib
import http.client
import os
import random
import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from quire import server_file
from quire.actions.attempt_folders import LOG_NAME
from quire.errors import AttemptLost
from quire.jobs.job import Assignment, Completed, JobResult, Outcome, Standing
from quire.jobs.limits import Excess
from quire.jobs.outcome_files import sizes
from quire.ports.launcher import RunnerOrder
from quire.progress.event import ProgressEvent
from quire.trust import line_to

# Seconds of silence, beyond what the server was asked to hold.
_TIMEOUT = 30.0
# Seconds that a verdict takes besides: files are fetched, a product is published.
_PUBLISHING = 600.0
# Seconds between two tries: the first, and the most.
_FIRST, _MOST = 0.05, 2.0
# Seconds without an answer after which the lease has surely ended.
PATIENCE = 600.0
LEAVE_PATIENCE = 30.0
# Seconds for which a verdict is offered: it holds the work of hours.
_VERDICT_PATIENCE = 24 * 3600.0
_GOOD = range(200, 300)
# What a proxy or a server says that will do better later.
_LATER = frozenset({408, 429, 502, 503, 504, 507})
# The token has ended with its attempt, or the attempt has.
_OVER = frozenset({401, 403, 404, 409})
_OVERTAKEN = 409


def runner_name() -> str:
    """Return a name that no other runner has: host, process, chance."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class HttpLink:
    """A `quire.ports.attempt_link.AttemptLink` over HTTP.

    May be used from several threads.

    Parameters
    ----------
    runner
        As `runner_name` gives it.
    patience
        Seconds without an answer after which the attempt counts as lost.
    on_claim
        Called once the attempt has begun.
    """

    def __init__(
        self,
        order: RunnerOrder,
        *,
        runner: str,
        patience: float = PATIENCE,
        on_claim: Callable[[], None] = lambda: None,
    ) -> None:
        self._order = order
        self._runner = runner
        self._patience = patience
        self._on_claim = on_claim
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._urls = (order.url, *order.others)
        self._turn = 0
        self._address = urlsplit(order.url)

    def claim(self) -> Assignment:
        """Return what is to be done."""
        answer = self._ask("claim", {"runner": self._runner})
        self._on_claim()
        given = msgspec.json.decode(answer, type=Assignment)
        return _placed(given, self._order.scratch or self._order.data_folder)

    def beat(self) -> None:
        """Say that the runner lives; renews the lease."""
        self._ask("beat", {})

    def tell(self, event: ProgressEvent, standing: Standing | None = None) -> None:
        """Append to the job's progress log; durable when it returns."""
        self._ask("tell", {"event": event, "standing": standing})

    def deliver(self, result: JobResult) -> None:
        """Make a finished file known while the attempt goes on."""
        self._ship([result.path])
        self._ask("deliver", {"result": result})

    def finish(self, outcome: Outcome) -> None:
        """End the attempt; durable when it returns."""
        if isinstance(outcome, Completed):
            self._ship(sizes(outcome))
        self._ask(
            "finish",
            {"outcome": outcome},
            patience=_VERDICT_PATIENCE,
            timeout=_PUBLISHING,
        )

    def orders(self, seconds: int) -> bool:
        """Return False as soon as the attempt must end, True after so many seconds."""
        try:
            answer = self._ask(f"orders?wait={seconds}", None, timeout=seconds)
        except AttemptLost:
            return False
        told: dict[str, bool] = msgspec.json.decode(answer)
        return not told["end"]

    def leave(
        self,
        reason: str = "",
        *,
        excess: Excess | None = None,
        overrun: bool = False,
        patience: float = LEAVE_PATIENCE,
    ) -> None:
        """Say that nothing of the attempt is left; see `quire.actions.runners`.

        Where it worked in a folder of this machine alone, that is removed.

        Parameters
        ----------
        patience
            Seconds without an answer after which it stays unsaid: a lease tells too.
        """
        order = self._order
        parting = {"runner": self._runner, "reason": reason, "overrun": overrun}
        folder = f"jobs/{order.job}/{order.attempt}"
        log = f"{folder}/{LOG_NAME}"
        with contextlib.suppress(RuntimeError):
            if order.scratch and Path(order.scratch, log).exists():
                self._ship([log])
                parting["log"] = True
        if order.scratch:
            shutil.rmtree(Path(order.scratch, folder), ignore_errors=True)
        self._ask("leave", {**parting, "excess": excess}, patience=patience)

    def _ship(self, paths: Iterable[str]) -> None:
        """Put files where the server fetches them, if it does not see them here."""
        for path in paths if self._order.scratch else ():
            given_up = time.monotonic() + self._patience
            file = Path(self._order.scratch, path)
            while True:
                told = msgspec.json.decode(self._ask("upload", {"path": path}))
                status = _put(told["url"], file)
                if status in _GOOD:
                    break
                if time.monotonic() > given_up:
                    raise RuntimeError(f"{path}: the object store answers {status}")
                time.sleep(_MOST)

    def close(self) -> None:
        """Give up the sockets."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _ask(
        self,
        verb: str,
        body: Mapping[str, Any] | None,
        *,
        patience: float | None = None,
        timeout: float = 0.0,
    ) -> bytes:
        if os.getpid() != self._process:
            os._exit(1)  # a fork of the work: the attempt is not its own
        given_up = time.monotonic() + (patience or self._patience)
        pause, sent = _FIRST, body
        while True:
            answer = self._tried(verb, sent, _TIMEOUT + timeout)
            if answer is not None:
                return answer
            self._find_again()
            if time.monotonic() + pause > given_up:
                raise self._lost()
            if verb == "tell" and body is not None:
                sent = {**body, "again": True}
            # So that not all runners come back at once.
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, _MOST)

    def _tried(
        self, verb: str, body: Mapping[str, Any] | None, timeout: float
    ) -> bytes | None:
        """Return the answer, None if the server is to be asked again."""
        try:
            status, answer = self._exchange(verb, body, timeout)
        except (OSError, http.client.HTTPException):
            return None
        if status in _GOOD:
            return answer
        if status in _OVER:
            if verb == "claim" and status != _OVERTAKEN:  # as behind a wrong address
                sys.stderr.write(f"quire.runner: {status} {answer[:500]!r}\n")
            raise self._lost()
        if status in _LATER:
            return None
        raise RuntimeError(f"{verb}: {status} {answer[:500]!r}")

    def _lost(self) -> AttemptLost:
        return AttemptLost(self._order.job, self._order.attempt)

    def _exchange(
        self, verb: str, body: Mapping[str, Any] | None, timeout: float
    ) -> tuple[int, bytes]:
        """Send and receive once; anew over a new line if a kept one was closed."""
        line = self._take()
        kept = line.sock is not None
        try:
            return self._once(line, verb, body, timeout)
        except (OSError, http.client.HTTPException) as problem:
            if not kept or isinstance(problem, TimeoutError) or verb == "tell":
                raise
        return self._once(self._new(), verb, body, timeout)

    def _once(
        self,
        line: http.client.HTTPConnection,
        verb: str,
        body: Mapping[str, Any] | None,
        timeout: float,
    ) -> tuple[int, bytes]:
        line.timeout = timeout
        if line.sock is not None:
            line.sock.settimeout(timeout)
        headers = {"Authorization": f"Bearer {self._order.token}"}
        name = f"{self._order.job}/{self._order.attempt}"
        where = f"{self._address.path.rstrip('/')}/api/v1/attempts/{name}/{verb}"
        try:
            if body is None:
                line.request("GET", where, headers=headers)
            else:
                headers["Content-Type"] = "application/json"
                line.request("POST", where, msgspec.json.encode(body), headers)
            answer = line.getresponse()
            told = answer.status, answer.read()
        except BaseException:
            line.close()
            raise
        with self._lock:
            self._idle.append(line)
        return told

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            return self._idle.pop() if self._idle else self._new()

    def _new(self) -> http.client.HTTPConnection:
        return line_to(self._address.geturl(), _TIMEOUT)

    def _find_again(self) -> None:
        """Look whether there is a server at another address."""
        found = ""
        if self._order.address_file:
            record = server_file.live(Path(self._order.address_file))
            found = record.url if record is not None else ""
        elif len(self._urls) > 1:
            self._turn = (self._turn + 1) % len(self._urls)
            found = self._urls[self._turn]
        if found and found != self._address.geturl():
            self.close()
            self._address = urlsplit(found)


def _put(url: str, file: Path) -> int:
    """Put a file by one request; return the status, 0 without an answer."""
    parts = urlsplit(url)
    line = line_to(url, _TIMEOUT)
    try:
        with file.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            headers = {"Content-Length": str(size)}
            line.request("PUT", f"{parts.path}?{parts.query}", content, headers)
            answer = line.getresponse()
            answer.read()
            return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()


def _placed(given: Assignment, data_folder: str) -> Assignment:
    """Return an assignment as this machine sees the data folder."""
    if not data_folder:
        return given
    inside = PurePosixPath(given.folder).relative_to(given.data_folder)
    return replace(given, data_folder=data_folder, folder=f"{data_folder}/{inside}")
