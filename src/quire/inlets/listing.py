"""The files of a folder that are to be read, found without following links."""

import contextlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from quire.documents.pointer import showable

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# What log rotation puts behind a name.
_ROTATED = re.compile(r"\.\d+$")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the folder.

    Attributes
    ----------
    name
        As the file system has it.
    key
        Device and inode, which a file keeps when it is renamed.
    size, modified
        Bytes, and nanoseconds.
    wanted
        Whether its name asks for it; else it has only the key of a file that was read
        before, as one that was renamed has, and a new one by an inode that is free.
    """

    name: str
    key: str
    size: int
    modified: int
    wanted: bool

    @property
    def shown(self) -> str:
        """The name as text that can be stored and shown."""
        return showable(os.fsencode(self.name).decode("utf-8", "backslashreplace"))


class Listing:
    """Lists what is to be read under a path.

    A path that is a folder stands for the files directly in it whose names match;
    one that is a file, for itself and what it was renamed to by rotation.

    Parameters
    ----------
    patterns
        As of a shell, of files in a folder.

    Attributes
    ----------
    notes
        What the last listing passed over, and why.
    """

    def __init__(self, path: Path, patterns: Collection[str]) -> None:
        self._path = path
        self._patterns = tuple(patterns)
        self.notes: tuple[str, ...] = ()

    @contextlib.contextmanager
    def opened(self, known: Collection[str]) -> Iterator["OpenFolder"]:
        """Open the folder and list it: what was rotated, then the oldest change.

        Parameters
        ----------
        known
            Keys of files that were read before, by whatever name.

        Raises
        ------
        OSError
            It cannot be listed.
        """
        path = self._path.resolve(strict=False)
        is_folder = path.is_dir()
        wanted = self._matches if is_folder else _is_of(path.name)
        folder = path if is_folder else path.parent
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield OpenFolder(handle, self._list(handle, wanted, known, whole=is_folder))
        finally:
            os.close(handle)

    def _matches(self, name: str) -> bool:
        bare = _ROTATED.sub("", name)
        return any(
            fnmatchcase(name, pattern) or fnmatchcase(bare, pattern)
            for pattern in self._patterns
        )

    def _list(
        self,
        handle: int,
        wanted: Callable[[str], bool],
        known: Collection[str],
        *,
        whole: bool,
    ) -> tuple[Found, ...]:
        found: dict[str, Found] = {}
        passed = _Passed()
        with os.scandir(handle) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                key = f"{status.st_dev}:{status.st_ino}"
                one = Found(
                    name=entry.name,
                    key=key,
                    size=status.st_size,
                    modified=status.st_mtime_ns,
                    wanted=wanted(entry.name),
                )
                is_file = stat.S_ISREG(status.st_mode)
                if is_file and (one.wanted or key in known):
                    found[key] = one
                elif one.wanted or whole:
                    passed.add(one, status.st_mode)
        if not self._path.exists():
            passed.links.append(f"{self._path} is not there")
        self.notes = passed.notes()
        return tuple(sorted(found.values(), key=_place))


class _Passed:
    """What of a folder is not read: links by name, the rest in sums."""

    def __init__(self) -> None:
        self.links: list[str] = []
        self._folders: list[str] = []
        self._others: list[str] = []

    def add(self, one: Found, mode: int) -> None:
        if stat.S_ISLNK(mode) and one.wanted:
            self.links.append(f"{one.shown}: a symbolic link is not followed")
        elif stat.S_ISDIR(mode):
            self._folders.append(one.shown)
        elif not one.wanted and not one.name.startswith("."):
            self._others.append(one.shown)

    def notes(self) -> tuple[str, ...]:
        sums = [
            f"{words} ({len(names)}, such as {min(names)})"
            for names, words in (
                (self._folders, "folders are not looked into"),
                (self._others, "names that no pattern matches"),
            )
            if names
        ]
        return (*sorted(self.links), *sums)


class OpenFolder:
    """A folder that stays the same one, whatever its path leads to meanwhile."""

    def __init__(self, handle: int, files: tuple[Found, ...]) -> None:
        self._handle = handle
        self.files = files

    @contextlib.contextmanager
    def file(self, found: Found) -> Iterator[int]:
        """Open one of its files, if it is still that file.

        Raises
        ------
        OSError
            It cannot be opened, or is another one by now.
        """
        descriptor = os.open(found.name, _FLAGS, dir_fd=self._handle)
        try:
            status = os.fstat(descriptor)
            if f"{status.st_dev}:{status.st_ino}" != found.key:
                raise FileNotFoundError(found.name)
            yield descriptor
        finally:
            os.close(descriptor)


def _place(one: Found) -> tuple[bool, int, str]:
    return not _ROTATED.search(one.name), one.modified, one.name


def _is_of(file: str) -> Callable[[str], bool]:
    return lambda name: name == file or _ROTATED.sub("", name) == file
