"""What tests start does not outlive them, however they end.

A process passes its environment on to all that it starts. At the end of a run whoever
still has a word of it was forgotten by a fixture: that fails the run. One that is
killed can tell nothing; a guard that waits for its end kills what it has left.

Import the fixture into the ``conftest.py`` of all tests::

    from quire.testing.leaving_nothing import nothing_is_left
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quire.backends.processes import marked
from quire.testing.guard import MARK
from quire.testing.waiting import PATIENCE

_LOOK = 0.05
# Python's own, that ends with the process whose it is.
_OWN = b"multiprocessing.resource_tracker"


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fail, at the end of all, where a process goes on that a test has started."""
    with leaving_nothing(PATIENCE):
        yield


@contextmanager
def leaving_nothing(patience: float) -> Iterator[None]:
    """See that what is started for as long as the context lasts ends with it.

    Parameters
    ----------
    patience
        Seconds that the last ones have to end by themselves.

    Raises
    ------
    AssertionError
        They do not.
    """
    word = uuid.uuid4().hex
    program = [sys.executable, "-m", "quire.testing.guard", word, *_ourselves()]
    with subprocess.Popen(program, start_new_session=True) as guard:  # noqa: S603
        os.environ[MARK] = word
        try:
            yield
        finally:
            del os.environ[MARK]
            left = _left(word, patience)
            guard.kill()
    assert not left, f"left by tests: {left}"


def _ourselves() -> list[str]:
    """Return whose end is that of the run: a worker's is that of its master too."""
    worker = "PYTEST_XDIST_WORKER" in os.environ
    return [str(os.getpid()), *([str(os.getppid())] if worker else [])]


def _left(word: str, patience: float) -> list[str]:
    """Return what does not end by itself."""
    deadline = time.monotonic() + patience
    while True:
        found = [(pid, _command(pid)) for pid in marked(MARK, word)]
        left = [f"{pid}: {said!r}" for pid, said in found if _OWN not in said]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(_LOOK)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return _OWN  # ended meanwhile
