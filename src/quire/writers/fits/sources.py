"""Opening sources so that nothing but a regular file gets in."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from quire.products.source_problem import SourceProblem
from quire.products.specification import FitsFile
from quire.writers.fits.blocks import OpenSource

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def _stamp(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns


@contextmanager
def open_source(file: FitsFile, path: Path) -> Iterator[OpenSource]:
    """Open a local file for reading, never waiting for a pipe or a device.

    Raises
    ------
    SourceProblem
        It is missing, unreadable, or no regular file.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as problem:
        raise SourceProblem(
            file.source_name, file.location, *_unopened(problem, path)
        ) from None
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise SourceProblem(
                file.source_name,
                file.location,
                "not a regular file",
                "name a regular file",
            )
        yield OpenSource(
            name=file.source_name,
            location=file.location,
            path=str(path),
            descriptor=descriptor,
            size=seen.st_size,
            stamp=_stamp(seen),
        )
    finally:
        os.close(descriptor)


def _unopened(problem: OSError | ValueError, path: Path) -> tuple[str, str]:
    if isinstance(problem, FileNotFoundError):
        return f"there is no file {path}", "put the file there, then retry"
    if isinstance(problem, PermissionError):
        return f"{path} may not be read", "let Quire's user read it, then retry"
    reason = getattr(problem, "strerror", None) or str(problem)
    return f"{path} cannot be opened: {reason}", "mend it, then retry"


@contextmanager
def open_sources(
    files: Sequence[FitsFile], paths: Mapping[str, Path]
) -> Iterator[tuple[OpenSource, ...]]:
    """Open all files of a specification; `paths` by their location."""
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(open_source(file, paths[file.location]))
            for file in files
        )


def require_unchanged(source: OpenSource) -> None:
    """Require that nobody wrote to a source or put another file in its place.

    Raises
    ------
    SourceChanged
        Its size, its time of modification or its inode is another than before.
    """
    try:
        named = _stamp(Path(source.path).stat())
    except OSError:
        named = ()
    if source.stamp != _stamp(os.fstat(source.descriptor)) or source.stamp != named:
        raise source.changed("it changed while it was merged")
