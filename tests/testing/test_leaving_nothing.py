"""Runs of tests that forget a process, and that are killed."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.testing.test_requiring import ALONE, PLAIN

from quire.testing.engine_bench import alive
from quire.testing.waiting import until

CONFTEST = """
import pytest
from quire.testing.leaving_nothing import leaving_nothing

@pytest.fixture(scope="session", autouse=True)
def nothing_is_left():
    with leaving_nothing(0.5):
        yield
"""
FORGETS = """
import subprocess, sys
from pathlib import Path

def test_one():
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    # Its own session, and an end of its own: nobody is its parent.
    left = subprocess.run(["setsid", "--fork", *sleeping])
    {then}
"""


@pytest.fixture
def forgetful(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    return tmp_path


def run(folder: Path, then: str, *more: str) -> "subprocess.Popen[str]":
    (folder / "test_forgetful.py").write_text(FORGETS.format(then=then))
    # Those of the run in which this is a test are not its own.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_")
    } | {"HOME": str(folder), **ALONE}
    words = [sys.executable, "-m", "pytest", *PLAIN, *more, str(folder)]
    return subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )


def left(folder: Path) -> list[int]:
    """Return the processes with a run's folder for their home, but for the run."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("HOME") == str(folder)
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if mine and "time.sleep" in words:
            found.append(process.pid)
    return found


def test_what_a_test_forgot_fails_the_run(forgetful: Path) -> None:
    with run(forgetful, "assert left.returncode == 0") as child:
        said, _ = child.communicate()
    assert child.returncode == 1
    assert "left by tests" in said
    assert "time.sleep(600)" in said
    for pid in left(forgetful):
        psutil.Process(pid).kill()


@pytest.mark.crash
@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["alone", "with a worker"])
def test_what_a_killed_run_has_left_is_killed(
    forgetful: Path, more: tuple[str, ...]
) -> None:
    then = "Path('begun').touch(); import time; time.sleep(600)"
    with run(forgetful, then, *more) as child:
        until((forgetful / "begun").exists)
        pids = until(lambda: left(forgetful))
        child.kill()
    until(lambda: not left(forgetful))
    until(lambda: not [pid for pid in pids if alive(pid)])
