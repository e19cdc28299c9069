"""Environments of their own for programs that cannot live in ours."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from quire.testing.not_proved import not_proved

# Of each of the two steps: both, and a wait for another that takes them, end before
# a test is taken to hang.
SECONDS = 120
ROOT = Path(__file__).parents[1]


def run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)


def environment(config: pytest.Config, name: str, interpreter: str) -> Path:
    """Return the interpreter of an environment with ``requirements/NAME.txt``.

    Made once, and kept in pytest's cache; skips loudly where it cannot be made.
    """
    requirements = ROOT / "requirements" / f"{name}.txt"
    told = requirements.read_bytes() + interpreter.encode()
    assert config.cache is not None
    folder = config.cache.mkdir(f"{name}-{hashlib.sha256(told).hexdigest()[:12]}")
    python = folder / "environment" / "bin" / "python"
    whole = folder / "environment" / "whole"
    refused = folder / f"refused-{os.environ.get('PYTEST_XDIST_TESTRUNUID', '')}"
    with (folder / "lock").open("w") as lock:
        # Other processes of the same run want it as well.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists() and not refused.exists():
            make(folder / "environment", interpreter, requirements, refused)
    if not whole.exists():
        mend = f"let pip install requirements/{name}.txt"
        pytest.skip(not_proved(f"with {name}", why=refused.read_text(), mend=mend))
    return python


def make(folder: Path, interpreter: str, requirements: Path, refused: Path) -> None:
    refused.unlink(missing_ok=True)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install"]
    try:
        run([interpreter, "-m", "venv", "--clear", folder])
        run([*pip, "--quiet", "--no-deps", "--requirement", requirements])
        (folder / "whole").touch()
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or b""
        refused.write_text(f"{error} {said.decode(errors='replace')[-500:]}")
