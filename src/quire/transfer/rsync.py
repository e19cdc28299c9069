"""Sources and receivers on other machines, by rsync over ssh.

Nothing goes through a shell here, and ``--secluded-args`` keeps names from the one at
the other end. A host is reached only if the settings list it.
"""

import errno
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from quire.ports.transfer import (
    Fetched,
    Proceed,
    ReceiverFull,
    SourceChanging,
    TransferProblem,
)
from quire.products.receivers import OlasReceiver, Receiver, RsyncReceiver
from quire.products.specification import host_and_path
from quire.transfer.programs import no_space_in, waited

_TRIES = 3
_ARGUMENTS = ("--times", "--copy-links", "--secluded-args")
# A file here has its name when all of it is there, and a receiver's never before.
_RESUMED, _WHOLE = ("--partial", "--inplace"), ("--no-partial", "--no-inplace")
# What the other end says comes before its end, and not as ssh likes; since rsync 3.2.3.
_IN_ORDER = "--stderr=client"
_UNKNOWN_OPTION = 1
# rsync(1), exit values: what a broken line or a busy host looks like.
_PASSING = frozenset({10, 12, 30, 35, 255})
_NO_FILE = 23


class Rsync:
    """Runs rsync.

    Parameters
    ----------
    hosts
        Those that it may reach.
    program, arguments
        As installed here; arguments go before ours.
    shell
        What reaches the host; it must never ask a question.
    timeout
        Seconds without any byte after which a transfer is given up.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        program: str = "rsync",
        arguments: Sequence[str] = (),
        shell: str = "ssh -o BatchMode=yes -o ConnectTimeout=10",
        timeout: int = 60,
    ) -> None:
        self.hosts = frozenset(hosts)
        self._in_order: tuple[str, ...] = (_IN_ORDER,)
        self._command = (
            program,
            *arguments,
            *_ARGUMENTS,
            f"--timeout={timeout}",
            f"--rsh={shell}",
        )

    def run(self, place: str, *rest: str, proceed: Proceed) -> str:
        """Run until it succeeds or has failed for good; return what it printed.

        Raises
        ------
        TransferProblem
            It failed.
        ReceiverFull
            It was for lack of space.
        """
        status, words = self._once(place, rest, proceed)
        for _ in range(_TRIES - 1):
            if status not in _PASSING:
                break
            status, words = self._once(place, rest, proceed)
        if status == 0:
            return words
        lines = words.splitlines() or [f"rsync ended with {status}"]
        if full := [line for line in lines if no_space_in(line)]:
            raise ReceiverFull(place, full[0], "make room")
        reason = lines[-1]
        missing = status == _NO_FILE
        mend = "put the file there, then retry" if missing else "mend it, then retry"
        raise TransferProblem(place, reason, mend)

    def _once(
        self, place: str, rest: Sequence[str], proceed: Proceed
    ) -> tuple[int, str]:
        """Run it once; return how it ended, and what it printed or what was wrong."""
        with (
            tempfile.TemporaryFile("w+") as said,
            tempfile.TemporaryFile("w+") as wrong,
        ):
            status = self._ended(place, rest, said, wrong, proceed)
            told = wrong if status else said
            told.seek(0)
            words = told.read(4000).strip()
        if status == _UNKNOWN_OPTION and self._in_order and _IN_ORDER in words:
            self._in_order = ()
            return self._once(place, rest, proceed)
        return status, words

    def _ended(
        self,
        place: str,
        rest: Sequence[str],
        said: IO[str],
        wrong: IO[str],
        proceed: Proceed,
    ) -> int:
        try:
            child = subprocess.Popen(  # noqa: S603 - the settings name the program
                [*self._command, *self._in_order, *rest],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=wrong,
            )
        except OSError as problem:
            reason = f"rsync cannot be run: {problem.strerror or problem}"
            raise TransferProblem(place, reason, "install rsync") from None
        return waited(child, proceed)


class RsyncTransfer:
    """Fetches ``host:/path``; goes on with what an earlier try has left."""

    def __init__(self, rsync: Rsync) -> None:
        self._rsync = rsync

    def takes(self, location: str) -> bool:
        """Return whether its host is listed."""
        host, path = host_and_path(location)
        return host in self._rsync.hosts and path.startswith("/") and path[1:2] != "/"

    def host(self, location: str) -> str:
        """Return its host."""
        return host_and_path(location)[0]

    def stamp(self, location: str) -> str:
        """Return mode, size and time of modification, as rsync lists them."""
        return self._rsync.run(
            location, "--list-only", "--", location, proceed=lambda _: None
        )

    def size(self, location: str) -> int:
        """Return its bytes, the second word of rsync's list."""
        words = self.stamp(location).split()
        length = words[1].replace(",", "") if len(words) > 1 else ""
        return int(length) if length.isdecimal() else 0

    def fetch(
        self, location: str, path: Path, *, private: bool, proceed: Proceed
    ) -> Fetched:
        """Fetch."""
        del private  # it always is
        before = self._rsync.run(
            location, "--list-only", "--", location, proceed=proceed
        )
        try:
            self._rsync.run(
                location, *_RESUMED, "--", location, str(path), proceed=proceed
            )
        except ReceiverFull as problem:  # that is this machine
            number = errno.ENOSPC
            raise OSError(number, os.strerror(number), str(path)) from problem
        if before != self.stamp(location):
            path.unlink(missing_ok=True)
            reason = "it changed while it was copied"
            mend = "retry when nobody writes to it any more"
            raise SourceChanging(location, reason, mend)
        proceed(path.stat().st_size)
        return Fetched(stamp=before)


class RsyncDelivery:
    """Hands products on to other machines; rsync renames when all is there."""

    def __init__(self, rsync: Rsync) -> None:
        self._rsync = rsync

    def takes(self, receiver: Receiver) -> bool:
        """Return whether its host is listed."""
        if not isinstance(receiver, OlasReceiver | RsyncReceiver):
            return False
        return receiver.host in self._rsync.hosts

    def host(self, receiver: Receiver) -> str:
        """Return its host."""
        return getattr(receiver, "host", "")

    def deliver(
        self, receiver: Receiver, product: Path, name: str, *, proceed: Proceed
    ) -> None:
        """Deliver."""
        if not isinstance(receiver, OlasReceiver | RsyncReceiver):
            raise TypeError(type(receiver))
        place = f"{receiver.host}:{receiver.path.rstrip('/')}/{name}"
        self._rsync.run(place, *_WHOLE, "--", str(product), place, proceed=proceed)
        proceed(product.stat().st_size)
