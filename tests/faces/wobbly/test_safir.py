"""Safir's UWS library from PyPI, as it is, with us as its Wobbly."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.environments import SECONDS, environment

from quire.testing.not_proved import not_proved

PROGRAM = Path(__file__).with_name("safir_program.py")


def interpreters() -> Iterator[str]:
    """Yield interpreters that may be new enough for Safir, the likeliest first."""
    if sys.version_info >= (3, 13):
        yield sys.executable
    for name in ("python3.13", "python3.14"):
        if found := shutil.which(name):
            yield found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(root.glob("versions/3.1[3-9]*/bin/python")))


def good(interpreter: str) -> bool:
    program = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))"
    try:
        done = subprocess.run(
            [interpreter, "-c", program], check=False, capture_output=True
        )
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture(scope="session")
def safir(pytestconfig: pytest.Config) -> Path:
    """Return the interpreter of an environment with Safir, made once."""
    found = next(filter(good, interpreters()), None)
    if found is None:
        why, mend = "it needs Python 3.13", "install Python 3.13 with its venv"
        pytest.skip(not_proved("Safir's own client", why=why, mend=mend))
    return environment(pytestconfig, "safir", found)


def test_safir_works_without_a_change(
    safir: Path, service: Callable[..., httpx.Client], tmp_path: Path
) -> None:
    # Safir wants an account for signing addresses of a cloud, which are not used here.
    nobody = dict.fromkeys(("client_id", "client_secret", "refresh_token"), "none")
    account = tmp_path / "account.json"
    account.write_text(json.dumps({"type": "authorized_user", **nobody}))
    cloud = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(account),
        "GOOGLE_CLOUD_PROJECT": "none",
    }
    client = service("greet")
    token = client.headers["authorization"].partition(" ")[2]
    done = subprocess.run(
        [safir, "-W", "ignore", PROGRAM, str(client.base_url).rstrip("/"), token],
        check=False,
        capture_output=True,
        timeout=SECONDS,
        text=True,
        env={**os.environ, **cloud},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout)
    assert seen["store"] == {
        "phase": "PENDING",
        "duration": 600,
        "same": True,
        "unlimited": True,
        "listed": True,
        "aborted": "ABORTED",
        "unknown": True,
    }
    assert seen["service"] == {
        "made": 303,
        "queued": "QUEUED",
        "executing": "EXECUTING",
        "done": [True] * 4,
        "moved": 303,
        "kept": True,
        "duration": "9",
        "aborted": "ABORTED",
        "error": True,
        "listed": 2,
        "deleted": 303,
        "after": 404,
    }
    assert len(client.get("/jobs").json()) == 2
