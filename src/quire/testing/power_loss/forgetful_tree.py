"""Files and folders of which only what was synced is on disk.

The rules are POSIX's, at their strictest (fsync(2), "Notes"): the content of a file is
kept by an fsync of that file, a name by an fsync of the folder that holds it. Neither
keeps the other, and nothing else keeps anything.
"""

import errno
import os
import random
import stat
import time
from pathlib import Path

import msgspec

PAGE = 4096
_ROOT = 1
_TREE = "tree.json"


class Entry(msgspec.Struct, frozen=True):
    """What a synced folder says of one name.

    Attributes
    ----------
    target
        Of a symbolic link, else empty.
    """

    number: int
    mode: int
    target: str = ""


class Node:
    """A file, folder or symbolic link as its users see it: all in memory.

    Attributes
    ----------
    dirty
        The pages that were written since the last sync.
    """

    def __init__(self, number: int, mode: int, *, target: str = "") -> None:
        self.number = number
        self.mode = mode
        self.target = target
        self.content = bytearray()
        self.names: dict[str, Node] = {}
        self.dirty: set[int] = set()
        self.links = 1
        self.times = (time.time_ns(), time.time_ns())

    @property
    def is_folder(self) -> bool:
        """Whether it holds names."""
        return stat.S_ISDIR(self.mode)

    def write(self, data: bytes, offset: int) -> None:
        """Put bytes into memory, with zeros before them if need be."""
        end = offset + len(data)
        if offset > len(self.content):
            self.truncate(offset)
        self.content[offset:end] = data
        self.dirty.update(range(offset // PAGE, -(-end // PAGE)))
        self._touch()

    def truncate(self, size: int) -> None:
        """Cut the file in memory, or lengthen it with zeros."""
        old = len(self.content)
        if size < old:
            del self.content[size:]
        else:
            self.content.extend(bytes(size - old))
        self.dirty.update(range(min(old, size) // PAGE, -(-max(old, size) // PAGE)))
        self._touch()

    def _touch(self) -> None:
        self.times = (self.times[0], time.time_ns())


class ForgetfulTree:
    """A tree whose synced part lies in a folder, and whose rest is in this process.

    Parameters
    ----------
    durable
        Holds one file a synced content, by number, and what synced folders say.
        Made if missing.
    """

    def __init__(self, durable: Path) -> None:
        durable.mkdir(parents=True, exist_ok=True)
        self._durable = durable
        self._folders = self._recorded()
        self._nodes: dict[int, Node] = {}
        self.root = self._load(Entry(_ROOT, stat.S_IFDIR | 0o755))
        left = [int(file.name) for file in durable.iterdir() if file.name.isdecimal()]
        for number in left:
            if number not in self._nodes:
                (durable / str(number)).unlink()
        self._last = max([_ROOT, *left, *self._nodes])

    def find(self, path: str) -> Node:
        """Return what a path names.

        Raises
        ------
        OSError
            ENOENT or ENOTDIR.
        """
        node = self.root
        for name in path.strip("/").split("/"):
            if not name:
                continue
            if not node.is_folder:
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if name not in node.names:
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            node = node.names[name]
        return node

    def node(self, number: int) -> Node:
        """Return a node by its number, also one that lost its name while open."""
        return self._nodes[number]

    def make(self, path: str, mode: int, *, target: str = "") -> Node:
        """Make a node and its name; neither is synced."""
        self._last += 1
        node = Node(self._last, mode, target=target)
        self._nodes[node.number] = node
        self._put(path, node)
        return node

    def link(self, path: str, node: Node) -> None:
        """Give a node one more name."""
        self._put(path, node)
        node.links += 1

    def remove(self, path: str) -> None:
        """Take a name away.

        Raises
        ------
        OSError
            ENOTEMPTY.
        """
        folder, name = self._place(path)
        node = self.find(path)
        if node.names:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        del folder.names[name]
        node.links -= 1

    def rename(self, old: str, new: str) -> None:
        """Move a name, over another if there is one."""
        node = self.find(old)
        target, name = self._place(new)
        if target.names.get(name) is node:
            return
        if name in target.names:
            self.remove(new)
        source, before = self._place(old)
        del source.names[before]
        target.names[name] = node

    def sync(self, node: Node) -> None:
        """Put what is in memory of one node on disk: a content, or a folder's names."""
        if node.is_folder:
            self._sync_names(node)
        elif stat.S_ISREG(node.mode):
            self._sync_content(node)

    def _sync_content(self, node: Node) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self._durable / str(node.number), flags, 0o600)
        try:
            os.ftruncate(file, len(node.content))
            pages = sorted(node.dirty)
            # A disk promises no order among the pages of one flush, and the power may
            # go between any two.
            random.shuffle(pages)
            for page in pages:
                start = page * PAGE
                part = node.content[start : start + PAGE]
                if part:
                    os.pwrite(file, part, start)
        finally:
            os.close(file)
        node.dirty.clear()

    def _sync_names(self, folder: Node) -> None:
        self._folders[folder.number] = {
            name: Entry(node.number, node.mode, node.target)
            for name, node in folder.names.items()
        }
        # A journal makes a folder's new state appear at once.
        part = self._durable / "tree.part"
        part.write_bytes(msgspec.json.encode(self._folders))
        part.rename(self._durable / _TREE)

    def _put(self, path: str, node: Node) -> None:
        folder, name = self._place(path)
        if name in folder.names:
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        folder.names[name] = node

    def _place(self, path: str) -> tuple[Node, str]:
        above, _, name = path.rpartition("/")
        return self.find(above), name

    def _recorded(self) -> dict[int, dict[str, Entry]]:
        try:
            found = (self._durable / _TREE).read_bytes()
        except FileNotFoundError:
            return {}
        return msgspec.json.decode(found, type=dict[int, dict[str, Entry]])

    def _load(self, entry: Entry) -> Node:
        if entry.number in self._nodes:
            again = self._nodes[entry.number]
            again.links += 1
            return again
        node = Node(entry.number, entry.mode, target=entry.target)
        self._nodes[node.number] = node
        if node.is_folder:
            recorded = self._folders.get(node.number, {})
            node.names = {name: self._load(each) for name, each in recorded.items()}
        else:
            content = self._durable / str(node.number)
            if content.exists():
                node.content = bytearray(content.read_bytes())
        return node
