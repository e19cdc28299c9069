"""What a worker prints: kept in the attempt's folder, if it prints anything.

Most attempts that are over at once print nothing and need no folder; making folder and
file for them would take longer than their work. So standard output goes to a file
without a name, which gets its name, ``log.txt``, once there is something in it or the
work asks for its folder.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from quire.actions.attempt_folders import LOG_NAME, make_folder

_HOW = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


class Output:
    """Standard output and error of one worker, one attempt after the other."""

    def __init__(self) -> None:
        self._spare: int | None = None

    @contextlib.contextmanager
    def captured(self, folder: Path, data_folder: Path) -> Iterator["Log"]:
        """Send what the process prints to an attempt's log.

        Parameters
        ----------
        folder
            The attempt's own; made when it is needed.
        data_folder
            On the same file system; it exists.
        """
        log = Log(self._unnamed(data_folder), folder)
        self._spare = None
        kept = {number: os.dup(number) for number in (1, 2)}
        _flush()
        for number in kept:
            os.dup2(log.file, number)
        try:
            yield log
        finally:
            _flush()
            for number, descriptor in kept.items():
                os.dup2(descriptor, number)
                os.close(descriptor)
            self._spare = log.end()

    def _unnamed(self, data_folder: Path) -> int | None:
        if self._spare is not None:
            return self._spare
        try:
            return os.open(data_folder, _HOW | os.O_TMPFILE, 0o600)
        except OSError:
            return None  # a file system without such files


class Log:
    """The log of one attempt.

    Parameters
    ----------
    unnamed
        An empty file without a name; None where there are none.
    """

    def __init__(self, unnamed: int | None, folder: Path) -> None:
        self._folder = folder
        self._named = unnamed is None
        self._lock = threading.Lock()
        if unnamed is None:
            make_folder(folder)
            unnamed = os.open(folder / LOG_NAME, _HOW | os.O_CREAT, 0o600)
        self.file = unnamed

    def appear(self) -> None:
        """Make the folder with the log in it, if it is not there yet."""
        with self._lock:
            if self._named:
                return
            make_folder(self._folder)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # With a folder's descriptor os.link follows the link in /proc.
                source = f"/proc/self/fd/{self.file}"
                os.link(source, LOG_NAME, dst_dir_fd=folder)
            finally:
                os.close(folder)
            self._named = True

    def appear_if_said(self) -> None:
        """Make it, if anything was printed."""
        _flush()
        if os.fstat(self.file).st_size:
            self.appear()

    def end(self) -> int | None:
        """Let go of it; return the file if the next attempt can have it."""
        self.appear_if_said()
        if not self._named:
            return self.file
        if os.fstat(self.file).st_size == 0:
            (self._folder / LOG_NAME).unlink(missing_ok=True)
        os.close(self.file)
        return None


def _flush() -> None:
    # What cannot be written, as on a full disk, is not worth the attempt.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
