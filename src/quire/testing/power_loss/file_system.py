"""The forgetful tree as a FUSE file system, in a process of its own.

    python -m quire.testing.power_loss.file_system DURABLE MOUNTPOINT

Its death by SIGKILL is the power cut: what was not synced was only in its memory.
"""

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Any

import mfusepy  # type: ignore[import-untyped]

from quire.testing.power_loss.forgetful_tree import ForgetfulTree, Node


class ForgetfulFileSystem:
    """What the kernel asks, answered from the tree; mfusepy calls it by these names.

    Locks are the kernel's own; shared mappings work, as pages are cached there.
    """

    use_ns = True

    def __init__(self, durable: Path) -> None:
        self._durable = durable
        self._tree = ForgetfulTree(durable)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Return what stat(2) tells."""
        node = self._node(path, fh)
        read, written = node.times
        return {
            "st_ino": node.number,
            "st_mode": node.mode,
            "st_nlink": node.links,
            "st_size": len(node.content),
            "st_blocks": -(-len(node.content) // 512),
            "st_blksize": 4096,
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
            "st_atime": read,
            "st_mtime": written,
            "st_ctime": written,
        }

    def statfs(self, _path: str) -> dict[str, int]:
        """Return how much room there is, as statvfs(3)."""
        found = os.statvfs(self._durable)
        names = ("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree")
        return {f"f_{name}": getattr(found, f"f_{name}") for name in names}

    def readdir(self, path: str, _fh: int) -> list[tuple[str, dict[str, int], int]]:
        """Return the names in a folder, each with its kind and number."""
        folder = self._tree.find(path)
        # readdir(3) skips what has the number 0.
        named = {".": folder, "..": folder, **folder.names}
        return [
            (name, {"st_ino": node.number, "st_mode": node.mode}, 0)
            for name, node in named.items()
        ]

    def readlink(self, path: str) -> str:
        """Return where a symbolic link points."""
        return self._tree.find(path).target

    def mkdir(self, path: str, mode: int) -> int:
        """Make a folder."""
        self._tree.make(path, stat.S_IFDIR | mode)
        return 0

    def create(self, path: str, mode: int, _fi: object = None) -> int:
        """Make a file and return its handle."""
        return self._tree.make(path, stat.S_IFREG | stat.S_IMODE(mode)).number

    def symlink(self, target: str, source: str) -> int:
        """Make a symbolic link."""
        self._tree.make(target, stat.S_IFLNK | 0o777, target=source)
        return 0

    def link(self, target: str, source: str) -> int:
        """Give a file one more name."""
        self._tree.link(target, self._tree.find(source))
        return 0

    def unlink(self, path: str) -> int:
        """Take a file's name away."""
        self._tree.remove(path)
        return 0

    def rmdir(self, path: str) -> int:
        """Take an empty folder away."""
        self._tree.remove(path)
        return 0

    def rename(self, old: str, new: str) -> int:
        """Move a name."""
        self._tree.rename(old, new)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        """Change the permissions."""
        node = self._tree.find(path)
        node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        return 0

    def chown(self, _path: str, _uid: int, _gid: int) -> int:
        """Leave everything with its one owner."""
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        """Set the times, in ns."""
        if times is not None:
            self._tree.find(path).times = times
        return 0

    def open(self, path: str, _flags: int) -> int:
        """Return a file's handle: its number."""
        return self._tree.find(path).number

    def opendir(self, path: str) -> int:
        """Return a folder's handle: its number."""
        return self._tree.find(path).number

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Return bytes, synced or not."""
        return bytes(self._node(path, fh).content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Keep bytes in memory."""
        self._node(path, fh).write(data, offset)
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        """Set a file's length in memory."""
        self._node(path, fh).truncate(length)
        return 0

    def fsync(self, path: str, _datasync: int, fh: int) -> int:
        """Put a file's content on disk; its name is its folder's."""
        self._tree.sync(self._node(path, fh))
        return 0

    def fsyncdir(self, path: str, _datasync: int, fh: int) -> int:
        """Put a folder's names on disk."""
        self._tree.sync(self._node(path, fh))
        return 0

    def _node(self, path: str, fh: int | None) -> Node:
        try:
            return self._tree.node(fh) if fh else self._tree.find(path)
        except KeyError:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None


def main(durable: Path, mountpoint: Path) -> None:
    """Serve until unmounted or killed."""
    mfusepy.FUSE(
        ForgetfulFileSystem(durable),
        str(mountpoint),
        foreground=True,
        nothreads=True,
        use_ino=True,
        fsname="quire-forgetful",
        subtype="forgetful",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
