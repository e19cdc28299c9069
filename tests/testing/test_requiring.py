"""A run of the tests fails where it has not tested what it must."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Other plugins are many, and are not needed here.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
PLAIN = ("-p", "no:cacheprovider", "-p", "xdist")
CONFTEST = """
import pytest
from quire.testing.requiring import pytest_configure

class Part:
    def __init__(self, proves):
        self.proves = proves

@pytest.fixture
def dask():
    return Part("dask")

@pytest.fixture
def through(dask):
    return 1

@pytest.fixture
def absent():
    pytest.skip("it cannot be started here")

@pytest.fixture
def slurm(absent):
    return Part("slurm")
"""
TESTS = """
def test_dask(through): pass
def test_slurm(slurm): pass
def test_other(): pass
"""


def ran(folder: Path, required: str, *words: str) -> tuple[int, str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_parts.py").write_text(TESTS)
    (folder / "pytest.toml").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLAIN, *words, folder],
        env={**os.environ, "QUIRE_REQUIRE": required, **ALONE},
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("shared", [(), ("-n", "2")])
def test_what_was_tested_is_counted(tmp_path: Path, shared: tuple[str, ...]) -> None:
    code, said = ran(tmp_path, "dask", *shared)
    assert (code, "1 tests passed with a real dask" in said) == (0, True), said


@pytest.mark.parametrize(
    ("required", "words"),
    [
        ("dask,slurm", ()),
        ("dask slurm", ("-n", "2")),
        ("slurm", ("-k", "test_other")),
    ],
)
def test_what_was_skipped_or_left_out_fails(
    tmp_path: Path, required: str, words: tuple[str, ...]
) -> None:
    code, said = ran(tmp_path, required, *words)
    assert code == pytest.ExitCode.TESTS_FAILED, said
    assert "NOT TESTED, though QUIRE_REQUIRE names it: slurm" in said


def test_nothing_is_required_by_default(tmp_path: Path) -> None:
    code, said = ran(tmp_path, "")
    assert code == 0, said
    assert "NOT TESTED" not in said


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    code, said = ran(tmp_path, "postgress")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "QUIRE_REQUIRE names postgress" in said
