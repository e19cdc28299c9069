"""One real server under the shim, and a client that asks what became of its documents."""

import errno
import itertools
import shutil
import sys
import time
from pathlib import Path

import apsw
import httpx

from quire.testing.campaigns.clients import Item
from quire.testing.campaigns.fault_figures import Figures
from quire.testing.campaigns.ledger import Ledger
from quire.testing.campaigns.server import ServerProcess
from quire.testing.faults.shim import Call, Faults

EVENTS = 40
# After 1,000 pages the log is copied into the database, and begun anew by what comes
# next. It is filled until about so many more requests reach that; the calls of these
# and of the next ones are then failed. At most so many: else it is not copied at all.
_PAGES = 1000
_REQUESTS_BEFORE = 3
_MOST_REQUESTS = 30
EXIT_STORE_LOST = 74
# A failure that no client was told of hit what works behind the replies, such as the
# indexer, and says nothing of a request: the round is made again, so often at most.
_TRIES = 5
# The indexer may have the log copied before the call comes that was to fail.
_MISSES = 3
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_RECOVERY = 10.0  # seconds
_END = 60.0


class Bench:
    """A real server under the shim, and the ledger of one client."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.faults = Faults(folder / "shim", folder / "data")
        self.server = ServerProcess(
            folder / "data", environment=self.faults.environment
        )
        self.ledger = Ledger(seed)

    def close(self) -> None:
        """Kill the server."""
        self.faults.disarm()
        self.server.kill()
        self.faults.close()

    def send(self, *, batches: int) -> None:
        """Send so many batches.

        Raises
        ------
        RuntimeError
            One was refused.
        """
        with self.server.http() as http:
            for _ in range(batches):
                status = self.ledger.send(http, self.ledger.batch(EVENTS))
                if status != httpx.codes.OK:
                    raise RuntimeError(f"a batch was answered with {status}")

    def fail_all(
        self, call: Call, error: int, *, checkpoint: bool = False, every: int = 1
    ) -> Figures:
        """Fail the first call of a request, then the second, up to the last.

        Parameters
        ----------
        checkpoint
            Not of one request, but of those around the copying of the log.
        every
            Try each so-manieth only.
        """
        failures, refused, full, problems = 0, 0, 0, []
        number, tries, misses = 1, 0, 0
        with self.server.http() as http:
            while True:
                full = self._fill_log(http) if checkpoint else 0
                sent, status = self._until_failure(http, call, error, number, full)
                if not self.faults.failed:
                    misses += 1
                    if checkpoint and misses < _MISSES:
                        continue
                    break
                failures, tries, misses = failures + 1, tries + 1, 0
                told = status != httpx.codes.OK
                refused += told
                found = self._judge(http, sent, status, _expected(call, error))
                problems += [f"call {number}: {each}" for each in found]
                if told or checkpoint or tries == _TRIES:
                    number, tries = number + every, 0
            if checkpoint and self._log_pages() >= full:
                problems.append("the log was not copied meanwhile")
        return Figures(
            name=_name(call, error) + (", checkpoint" if checkpoint else ""),
            failures=failures,
            refused=refused,
            problems=tuple(problems),
        )

    def _fill_log(self, http: httpx.Client) -> int:
        """Send until the log is about to be copied; return how many pages it has."""
        while True:
            before = self._log_pages()
            self.ledger.send(http, self.ledger.batch(EVENTS))
            pages = self._log_pages()
            if 0 < _PAGES - pages <= _REQUESTS_BEFORE * (pages - before):
                return pages

    def _log_pages(self) -> int:
        """Return how many pages the log has: mxFrame, fifth word of the WAL index.

        See https://sqlite.org/walformat.html#the_wal_index_header.
        """
        with (self.server.folder / "quire.sqlite-shm").open("rb") as index:
            index.seek(16)
            return int.from_bytes(index.read(4), sys.byteorder)

    def _until_failure(
        self, http: httpx.Client, call: Call, error: int, number: int, full: int
    ) -> tuple[list[list[Item]], int]:
        """Send until the call has failed; return the batches and the last status.

        Parameters
        ----------
        full
            Pages of the log, which is to be begun anew meanwhile; 0 for one request.
        """
        sent: list[list[Item]] = []
        status = int(httpx.codes.OK)
        self.faults.arm(call, error, number=number, times=1)
        try:
            while not self.faults.failed:
                sent.append(self.ledger.batch(EVENTS))
                status = self.ledger.send(http, sent[-1])
                if len(sent) == (_MOST_REQUESTS if full else 1):
                    break
                if self._log_pages() < full:
                    break
        finally:
            self.faults.disarm()
        return sent, status

    def _judge(
        self, http: httpx.Client, sent: list[list[Item]], status: int, expected: int
    ) -> list[str]:
        problems = []
        if status not in {httpx.codes.OK, expected}:
            problems.append(f"answered with {status}, not {expected}")
        if expected == httpx.codes.INSUFFICIENT_STORAGE:
            if http.get("/readyz").status_code != httpx.codes.OK:
                problems.append("lack of space made it not ready")
            if self.ledger.send(http, sent[-1]) != httpx.codes.OK:
                problems.append("it needed time after a lack of space")
        if not self.recovered(http, sent[-1]):
            problems.append(f"it did not recover in {_RECOVERY:.0f} s")
        runs = [batch[0][1]["uid"] for batch in sent]
        return problems + self.ledger.problems(http, runs)

    def recovered(self, http: httpx.Client, batch: list[Item]) -> bool:
        """Send a batch until it is taken; whether it was, in time."""
        deadline = time.monotonic() + _RECOVERY
        while self.ledger.send(http, batch) != httpx.codes.OK:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return http.get("/readyz").status_code == httpx.codes.OK

    def fail_starts(
        self, call: Call, error: int, *, every: int = 1, fresh: bool = False
    ) -> Figures:
        """Fail every call of a start once; the next start must find everything.

        Parameters
        ----------
        fresh
            Of the first start ever, on a new folder.
        """
        failures, refused, problems = 0, 0, []
        for number in itertools.count(1, every):
            self.server.kill()
            if fresh:
                shutil.rmtree(self.server.folder)
                self.ledger.acknowledged.clear()
            self.faults.arm(call, error, number=number, times=1)
            try:
                self.server.start()
            except RuntimeError:
                refused += 1
            self.faults.disarm()
            if not self.faults.failed:
                break
            failures += 1
            found = self.after_kill()
            if fresh:
                self.send(batches=1)
                found += self.after_kill()
            problems += [f"call {number}: {each}" for each in found]
        return Figures(
            name=f"{'first ' if fresh else ''}start: {_name(call, error)}",
            failures=failures,
            refused=refused,
            problems=tuple(problems),
        )

    def after_kill(self) -> list[str]:
        """Kill and start the server; return what is damaged, lost or doubled."""
        self.server.kill()
        file = self.server.folder / "quire.sqlite"
        database = apsw.Connection(str(file))
        found = database.pragma("integrity_check")
        database.close()
        self.server.start()
        with self.server.http() as http:
            lost = self.ledger.problems(http)
        return lost if found == "ok" else [f"integrity: {found}", *lost]

    def lose_store(self) -> Figures:
        """Fail every sync until the server gives up, then start it again."""
        problems = []
        with self.server.http() as http:
            self.faults.arm(Call.SYNC, errno.EIO)
            begun = time.monotonic()
            status = self.ledger.send(http, self.ledger.batch(EVENTS))
            if status != httpx.codes.SERVICE_UNAVAILABLE:
                problems.append(f"answered with {status}")
            if http.get("/readyz").status_code != httpx.codes.SERVICE_UNAVAILABLE:
                problems.append("it called itself ready")
        code = self.server.wait(_END)
        seconds = time.monotonic() - begun
        if code != EXIT_STORE_LOST:
            problems.append(f"ended with code {code}")
        failures = self.faults.failed
        self.faults.disarm()
        problems += self.after_kill()
        return Figures(
            name=f"store lost, {seconds:.0f} s",
            failures=failures,
            refused=1,
            problems=tuple(problems),
        )


def _expected(call: Call, error: int) -> int:
    """Return the status of a refusal: a failed sync is never mere lack of space."""
    if call is Call.WRITE and error in _NO_SPACE:
        return int(httpx.codes.INSUFFICIENT_STORAGE)
    return int(httpx.codes.SERVICE_UNAVAILABLE)


def _name(call: Call, error: int) -> str:
    return f"{call.name.lower()} {errno.errorcode[error]}"
