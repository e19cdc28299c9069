"""The shim that lets system calls fail, built here, and its control."""

import enum
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")
_FIELDS = ("kinds", "error", "skip", "times", "failed")
_ALWAYS = 2**62


class Call(enum.IntEnum):
    """What can fail; the numbers are those of ``shim.c``."""

    WRITE = 0
    SYNC = 1
    RENAME = 2


def missing() -> str:
    """Return what this machine lacks to build the shim, empty if nothing."""
    return "" if _compiler() else "there is no C compiler (package gcc)"


def build(folder: Path) -> Path:
    """Compile the shim into a folder.

    Raises
    ------
    subprocess.CalledProcessError
        It does not compile.
    """
    made = folder / "faults.so"
    compiler = _compiler() or "cc"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
    subprocess.run(  # noqa: S603 - the machine's compiler, our source
        [compiler, *flags, "-o", str(made), str(_SOURCE), "-ldl"], check=True
    )
    return made


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


class Faults:
    """Decides, from outside and while a program runs, which of its calls fail.

    Parameters
    ----------
    folder
        Where the library and the mapped control file are put.
    under
        Calls on what lies in this folder count; no others.
    """

    def __init__(self, folder: Path, under: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._library = build(folder)
        self._under = under
        self._file = folder / "control"
        self._file.write_bytes(bytes(mmap.PAGESIZE))
        descriptor = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(descriptor, mmap.PAGESIZE)
        finally:
            os.close(descriptor)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program must be started with."""
        return {
            "LD_PRELOAD": str(self._library),
            "QUIRE_FAULTS": str(self._file),
            "QUIRE_FAULTS_FOLDER": str(self._under.resolve()),
        }

    def arm(
        self, call: Call, error: int, *, number: int = 1, times: int = _ALWAYS
    ) -> None:
        """Let calls fail with an errno, from the so-manieth on, so many of them."""
        self.disarm()
        values = {"error": error, "skip": number - 1, "times": times, "failed": 0}
        for name, value in values.items():
            self._put(name, value)
        # Last: from here on it holds.
        self._put("kinds", 1 << call)

    def disarm(self) -> None:
        """Let no more calls fail; what `failed` says stays."""
        self._put("kinds", 0)

    @property
    def failed(self) -> int:
        """How many calls failed since it was armed."""
        return self._get(_FIELDS.index("failed"))

    def seen(self, call: Call) -> int:
        """Return how many calls of a kind there were, ever."""
        return self._get(len(_FIELDS) + call)

    def close(self) -> None:
        """Let go of the mapping."""
        self._map.close()

    def _put(self, name: str, value: int) -> None:
        struct.pack_into("=q", self._map, 8 * _FIELDS.index(name), value)

    def _get(self, index: int) -> int:
        found: int = struct.unpack_from("=q", self._map, 8 * index)[0]
        return found
