"""A disk to mount, to pull the power from, and to mount again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quire.testing.waiting import PATIENCE


def missing() -> str:
    """Return what this machine lacks for such a disk, empty if nothing."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse cannot be opened"
    if shutil.which("fusermount3") is None:
        return "there is no fusermount3 (package fuse3)"
    return ""


class ForgetfulDisk:
    """What was synced lies in `durable`, and everything is seen at `mountpoint`."""

    def __init__(self, folder: Path) -> None:
        self.durable = folder / "durable"
        self.mountpoint = folder / "disk"
        self._log = folder / "disk.log"
        self._child: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        """Show what is on it.

        Raises
        ------
        RuntimeError
            It could not be mounted; with what the file system wrote.
        """
        self.mountpoint.mkdir(parents=True, exist_ok=True)
        before = self.mountpoint.stat().st_dev
        program = "quire.testing.power_loss.file_system"
        with self._log.open("ab") as words:
            child = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", program, self.durable, self.mountpoint],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )
        self._child = child
        deadline = time.monotonic() + PATIENCE
        while not self._shown(before):
            if child.poll() is not None or time.monotonic() > deadline:
                self.cut()
                said = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the disk could not be mounted: {said}")
            time.sleep(0.005)

    def _shown(self, before: int) -> bool:
        try:
            return self.mountpoint.stat().st_dev != before
        except OSError:
            return False

    def pull_plug(self) -> None:
        """Take its power: every call to it fails from now on, and it forgets."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()

    def cut(self) -> None:
        """Take its power and clear the mount point for the next `mount`."""
        self.pull_plug()
        self._child = None
        command = ["fusermount3", "-u", "-z", "-q", str(self.mountpoint)]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603


@contextmanager
def mounted(folder: Path) -> Iterator[ForgetfulDisk]:
    """Yield a mounted disk; it loses its power at the end."""
    disk = ForgetfulDisk(folder)
    disk.mount()
    try:
        yield disk
    finally:
        disk.cut()
