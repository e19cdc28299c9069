"""Environments of their own for programs that cannot live in ours."""

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

SECONDS = 300
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
    if not whole.exists():
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-deps"]
        try:
            run([interpreter, "-m", "venv", "--clear", folder / "environment"])
            run([*pip, "--requirement", requirements])
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", None) or b""
            pytest.skip(
                f"NOT PROVED: {name} cannot be installed here: {error}"
                f" {said.decode(errors='replace')[-500:]}"
            )
        whole.touch()
    return python
