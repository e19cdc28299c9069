"""A callback for the RunEngine that loses nothing and never gets in a plan's way."""

import atexit
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from quire.client.connection import Connection
from quire.client.discovery import names_of_server
from quire.client.encoding import encode
from quire.client.overflow import Overflow
from quire.client.sender import Sender
from quire.client.spool import Spool, default_spool
from quire.client.tally import Tally, WriterStatus
from quire.errors import InputError

EXIT_SECONDS = 2.0
_DISK_AGAIN_SECONDS = 1.0


class Writer:
    """Takes documents from a RunEngine: ``RE.subscribe(quire.writer())``.

    Each document is on disk in the spool before the call returns; a thread of its own
    sends it. Whatever goes wrong is told on stderr and counted, never raised into the
    plan. What is unsent when the process ends goes out with the next writer to the
    same server on the same spool, or by ``quire ingest --spool``.

    A child process made by fork gets a section of the spool of its own at its first
    document.

    Parameters
    ----------
    url, token
        Of the server, found anew after each failure where not given.
    spool
        A folder on a local disk, by default the platform's state folder. What another
        session left in it for another server is left to that one.

    Raises
    ------
    InputError
        The spool's folder cannot be used.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        spool: Path | str | Spool | None = None,
    ) -> None:
        self._given = (url, token)
        self._spool = spool if isinstance(spool, Spool) else _spool(spool, url)
        self._tally = Tally()
        self._opening = threading.Lock()
        self._session: _Session | None = self._open()
        self._closed: _Session | None = None
        atexit.register(self._at_exit)
        os.register_at_fork(after_in_child=self._let_go)

    def __call__(self, name: str, doc: Any) -> None:
        """Take a document; it is on disk once this returns."""
        try:
            line = encode(name, doc)
            session = self._session
            while session is None or self._inherited or not session.take(line):
                session = self._reopen(session)
            session.mind_run(name, doc)
        except Exception as error:  # noqa: BLE001 - one that raises ends the plan
            with suppress(Exception):
                self._tally.lose()
                self._tally.tell(f"a document is lost: {error!r}", once=repr(error))

    @property
    def status(self) -> WriterStatus:
        """How many documents of this process are sent, waiting, refused and lost."""
        return WriterStatus() if self._inherited else self._tally.status

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the server has answered for every document.

        Parameters
        ----------
        timeout
            Seconds; None waits for as long as it takes.

        Returns
        -------
        bool
            Whether none is waiting any more.
        """
        # Once it is closed nobody sends.
        timeout = 0.0 if self._session is None else timeout
        return self._inherited or self._tally.wait(timeout)

    def close(self, timeout: float = 10.0, *, despite_trouble: bool = True) -> bool:
        """Flush, then stop sending; return whether every document was answered for.

        A document that comes later opens the writer again.

        Parameters
        ----------
        timeout
            Seconds.
        despite_trouble
            Wait on while the server is away or takes nothing; else give up at once.
        """
        if self._inherited:
            return True
        with self._opening:
            session, self._session = self._session, None
            self._closed = session or self._closed
        if session is None:
            return True
        begun = time.monotonic()
        done = self._tally.wait(timeout, despite_trouble=despite_trouble)
        session.close(max(1.0, timeout - (time.monotonic() - begun)))
        if not done and (left := self._tally.status.waiting):
            self._tally.tell(
                f"{left} documents are left in {self._spool.folder}, for the next"
                " writer to this server or `quire ingest --spool`"
            )
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _inherited(self) -> bool:
        """Whether all there is belongs to the parent of a fork, its locks included."""
        return self._session is not None and self._session.pid != os.getpid()

    def _open(self, former: "_Session | None" = None) -> "_Session":
        return _Session(self._spool, self._tally, self._given, former)

    def _reopen(self, former: "_Session | None") -> "_Session":
        with self._opening:
            if self._inherited:  # we are the child of a fork
                self._tally, self._closed = Tally(), None
            elif self._session not in (None, former):
                return self._session  # another thread was faster
            session = self._open(self._closed)
            self._session, self._closed = session, None
            return session

    def _let_go(self) -> None:
        self._opening = threading.Lock()  # another thread may have held it at the fork
        if self._session is not None:
            self._session.abandon()

    def _at_exit(self) -> None:
        with suppress(Exception):
            self.close(EXIT_SECONDS, despite_trouble=False)


class _Session:
    """The writer's life in one process.

    Parameters
    ----------
    former
        The one that was closed before, whose unsent documents are counted already.
    """

    def __init__(
        self,
        spool: Spool,
        tally: Tally,
        given: tuple[str | None, str | None],
        former: "_Session | None",
    ) -> None:
        self.pid = os.getpid()
        self._tally = tally
        self._section = spool.section()
        self._overflow = Overflow()
        self._open_runs: set[str] = set()
        self._disk_again = 0.0
        self._guard = threading.Lock()
        self._over = False
        self.sender = Sender(
            spool,
            self._section,
            overflow=self._overflow,
            tally=tally,
            open_runs=lambda: tuple(self._open_runs),
            connect=lambda: Connection(*given),
        )
        if former is not None:
            former.sender.bequeath(self.sender)
        self.sender.start()

    def take(self, line: bytes) -> bool:
        """Keep a document; return False if the session was closed before."""
        with self._guard:
            if self._over:
                return False
            self._tally.accept()
            kept = self._spooled(line) or self._overflow.append(line)
        if kept:
            self.sender.wake()
        else:
            self._tally.lose(accepted=True)
            self._tally.tell(
                "documents are lost: disk and memory are full", once="full"
            )
        return True

    def _spooled(self, line: bytes) -> bool:
        if time.monotonic() < self._disk_again:
            return False
        try:
            self._section.append(line)
        except OSError as error:
            self._disk_again = time.monotonic() + _DISK_AGAIN_SECONDS
            folder = self._section.folder.parent
            self._tally.tell(
                f"cannot spool to {folder}: {error.strerror};"
                " documents are kept in memory until sent",
                once="disk",
            )
            return False
        if self._disk_again:
            self._disk_again = 0.0
            self._tally.forget("disk")
            self._tally.forget("full")
        return True

    def mind_run(self, name: str, doc: Any) -> None:
        """Note whether a run is open, whose lease is to be renewed."""
        key = "uid" if name == "start" else "run_start" if name == "stop" else ""
        if not key or not isinstance(doc, Mapping) or key not in doc:
            return  # what is wrong with a document, the server tells
        change = self._open_runs.add if name == "start" else self._open_runs.discard
        change(str(doc[key]))

    def close(self, timeout: float) -> None:
        with self._guard:
            self._over = True
        self.sender.end(timeout)

    def abandon(self) -> None:
        self.sender.abandon()


def writer(
    url: str | None = None,
    token: str | None = None,
    spool: Path | str | None = None,
) -> Writer:
    """Return a callback for ``RE.subscribe``; see `Writer`."""
    return Writer(url, token, spool)


def _spool(folder: Path | str | None, url: str | None) -> Spool:
    place = Path(folder) if folder else default_spool()
    return Spool(place, lambda: names_of_server(url))


def drain(
    connection: Connection, spool: Path | str | None = None, timeout: float = 3600.0
) -> WriterStatus:
    """Send what dead processes have left in a spool; return the counts.

    Of a spool that is named all is sent, of the default one what is for this server.
    Where the server is away or takes nothing, what waits stays in the spool.

    Parameters
    ----------
    timeout
        Seconds.

    Raises
    ------
    InputError
        The spool that was named is not there; or once the rest is sent, what cannot
        be read of it, or is another server's.
    """
    if spool and not Path(spool).is_dir():
        raise InputError("spool", f"{spool} is no folder", "name one that a writer had")
    address = connection.address
    source = Spool(Path(spool)) if spool else _spool(None, connection.given[0])
    left = Writer(address.url, address.token, source)
    left.close(timeout, despite_trouble=False)
    source.check()
    return left.status
