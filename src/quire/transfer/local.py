"""Sources and receivers on this machine."""

import errno
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from quire.ports.transfer import (
    Fetched,
    Proceed,
    ReceiverFull,
    SourceChanging,
    TransferProblem,
)
from quire.products.receivers import FolderReceiver, OlasReceiver, Receiver
from quire.transfer.programs import NO_SPACE
from quire.writers.fits.copy import Copier, CutShort, engines
from quire.writers.fits.linux import clone_range
from quire.writers.fits.publish import sync_folder

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOENT}
)
_LINKED, _SHARED, _COPIED = "linked", "shared", "copied"
_WAIT = "retry when nobody writes to it any more"


class LocalTransfer:
    """Shares blocks with a source, else links to it, else copies it.

    Parameters
    ----------
    roots
        Folders below which sources lie; anywhere if there is none.
    """

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        self._roots = tuple(roots)
        # File systems, of a source and of a copy, that were found not to share blocks.
        self._apart: set[tuple[int, int]] = set()

    def takes(self, location: str) -> bool:
        """Return whether it is an absolute path below one of the roots."""
        if not location.startswith("/"):
            return False
        path = Path(os.path.normpath(location))
        return not self._roots or any(map(path.is_relative_to, self._roots))

    def host(self, location: str) -> str:
        """Return this machine."""
        del location
        return ""

    def stamp(self, location: str) -> str:
        """Return device, inode, size and time of modification."""
        return _stamp(self._seen(location))

    def size(self, location: str) -> int:
        """Return its bytes."""
        return self._seen(location).st_size

    def _seen(self, location: str) -> os.stat_result:
        try:
            if not self._roots:
                return Path(location).stat()
            real = Path(location).resolve(strict=True)
            self._require_within(location, real)
            return real.stat()
        except (OSError, RuntimeError, ValueError) as problem:
            raise _unopened(location, problem) from None

    def _require_within(self, location: str, real: Path) -> None:
        """Do nothing if a path without links lies below a root."""
        if self._roots and not any(
            real.is_relative_to(root.resolve()) for root in self._roots
        ):
            reason = f"{location} leads out of the source_roots"
            mend = "move the file, or list its folder in source_roots"
            raise TransferProblem(location, reason, mend)

    def fetch(
        self, location: str, path: Path, *, private: bool, proceed: Proceed
    ) -> Fetched:
        """Fetch; what was left at `path` is replaced."""
        path.unlink(missing_ok=True)
        source = _opened(location)
        try:
            # What was opened is looked at, whatever its name leads to by now.
            if self._roots:
                real = Path(f"/proc/self/fd/{source}").readlink()
                self._require_within(location, real)
            before = _stamp(os.fstat(source))
            how = self._bring(source, location, path, proceed, may_link=not private)
            if before != _stamp(os.fstat(source)) or before != self.stamp(location):
                path.unlink(missing_ok=True)
                reason = "it changed while it was copied"
                raise SourceChanging(location, reason, _WAIT)
        finally:
            os.close(source)
        return Fetched(stamp=before, linked=how == _LINKED, shared=how == _SHARED)

    def _bring(
        self,
        source: int,
        location: str,
        path: Path,
        proceed: Proceed,
        *,
        may_link: bool,
    ) -> str:
        seen = os.fstat(source)
        size, where = seen.st_size, (seen.st_dev, path.parent.stat().st_dev)
        if may_link and where in self._apart and _link(source, path):
            proceed(size)
            return _LINKED
        target = os.open(path, _NEW, 0o600)
        how = _COPIED
        try:
            if size and clone_range(
                source, target, source_offset=0, offset=0, length=0
            ):
                proceed(size)
                how = _SHARED
            elif may_link and _link_over(source, path):
                self._apart.add(where)
                proceed(size)
                return _LINKED
            else:
                Copier(engines(), proceed).copy(
                    source, target, size, source_offset=0, offset=0
                )
            os.fsync(target)
        except CutShort:
            reason = "it became shorter while it was copied"
            raise SourceChanging(location, reason, _WAIT) from None
        finally:
            os.close(target)
        return how


def _stamp(seen: os.stat_result) -> str:
    return f"{seen.st_dev}:{seen.st_ino}:{seen.st_size}:{seen.st_mtime_ns}"


def _opened(location: str) -> int:
    try:
        descriptor = os.open(location, _FLAGS)
    except (OSError, ValueError) as problem:
        raise _unopened(location, problem) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        reason, mend = "not a regular file", "name a regular file"
        raise TransferProblem(location, reason, mend)
    return descriptor


def _unopened(location: str, problem: Exception) -> TransferProblem:
    if isinstance(problem, FileNotFoundError):
        mend = "put the file there, then retry"
        return TransferProblem(location, f"there is no file {location}", mend)
    if isinstance(problem, PermissionError):
        mend = "let Quire's user read it, then retry"
        return TransferProblem(location, f"{location} may not be read", mend)
    reason = getattr(problem, "strerror", None) or str(problem)
    return TransferProblem(location, f"it cannot be opened: {reason}", "mend it")


def _link(descriptor: int, path: Path) -> bool:
    """Give an open file another name; return whether that was possible."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Only with a folder's descriptor does os.link follow the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=folder)
    except OSError as problem:
        if problem.errno in _NO_LINK:
            return False
        raise
    finally:
        os.close(folder)
    return True


def _link_over(descriptor: int, path: Path) -> bool:
    """Do the same in place of what has that name, which stays if it is not possible."""
    name = path.with_name(f".{path.name}.link")
    name.unlink(missing_ok=True)
    if linked := _link(descriptor, name):
        name.replace(path)
    return linked


class FolderDelivery:
    """Puts products into folders of this machine.

    Parameters
    ----------
    folders
        Those that may be written to, with all below them; any if there is none.
    published
        The folder in which products get their names: a symbolic link leads there, and
        not to where a product lies while it is delivered. None where that is the same.
    """

    def __init__(
        self, folders: tuple[Path, ...] = (), *, published: Path | None = None
    ) -> None:
        self._folders = folders
        self._published = published

    def takes(self, receiver: Receiver) -> bool:
        """Return whether it is a folder here that may be written to."""
        if isinstance(receiver, OlasReceiver) and receiver.host:
            return False
        if not isinstance(receiver, OlasReceiver | FolderReceiver):
            return False
        path = Path(receiver.path).resolve()
        return not self._folders or any(
            path.is_relative_to(one.resolve()) for one in self._folders
        )

    def host(self, receiver: Receiver) -> str:
        """Return this machine."""
        del receiver
        return ""

    def deliver(
        self, receiver: Receiver, product: Path, name: str, *, proceed: Proceed
    ) -> None:
        """Deliver under a temporary name that begins with a dot, then rename."""
        if not isinstance(receiver, OlasReceiver | FolderReceiver):
            raise TypeError(type(receiver))
        folder = Path(receiver.path)
        if not folder.is_dir():
            reason, mend = "it is no folder", "make the folder, then retry"
            raise TransferProblem(receiver.path, reason, mend)
        try:
            if isinstance(receiver, OlasReceiver):
                public = self._published / name if self._published else product
                _hand_on(
                    product,
                    folder / name,
                    proceed,
                    public=public if receiver.allow_symlink else None,
                )
            else:
                _copy_to(product, folder / name, proceed)
            sync_folder(folder)
        except OSError as problem:
            reason = f"{name} cannot be written there: {problem.strerror or problem}"
            full = problem.errno in NO_SPACE
            raise (ReceiverFull if full else TransferProblem)(
                receiver.path, reason, "make room" if full else "mend it, then retry"
            ) from None


def _hand_on(
    product: Path, path: Path, proceed: Proceed, *, public: Path | None
) -> None:
    """Make a hard link, else a symbolic one, else a copy (ESO's order).

    Parameters
    ----------
    public
        What a symbolic link leads to, None if there is to be none.
    """
    part = _part(path)
    try:
        os.link(product, part)
    except OSError as problem:
        if problem.errno not in _NO_LINK:
            raise
        if public is None:
            _copy_to(product, path, proceed)
            return
        try:
            part.symlink_to(public)
        except OSError:
            _copy_to(product, path, proceed)
            return
    proceed(product.stat().st_size)
    _rename(part, path)


def _copy_to(product: Path, path: Path, proceed: Proceed) -> None:
    part = _part(path)
    try:
        with product.open("rb") as source, part.open("xb") as target:
            size = os.fstat(source.fileno()).st_size
            if not clone_range(
                source.fileno(), target.fileno(), source_offset=0, offset=0, length=0
            ):
                Copier(engines(), proceed).copy(
                    source.fileno(), target.fileno(), size, source_offset=0, offset=0
                )
            os.fsync(target.fileno())
        shutil.copymode(product, part)
        _rename(part, path)
    finally:
        part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    part = _part_of(path)
    part.unlink(missing_ok=True)
    return part


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def begun(receiver: Receiver, name: str) -> tuple[Path, ...]:
    """Return the file that a delivery which was killed may have left."""
    if not isinstance(receiver, OlasReceiver | FolderReceiver):
        return ()
    here = isinstance(receiver, FolderReceiver) or not receiver.host
    return (_part_of(Path(receiver.path) / name),) if here else ()


def _rename(part: Path, path: Path) -> None:
    part.replace(path)
    # Renaming one link of a file to another of the same does nothing (rename(2)).
    part.unlink(missing_ok=True)
