import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.backends.local import MARKER
from quire.backends.processes import marked
from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

QUIRE = (sys.executable, "-m", "quire")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("served") / "data")
    process.start()
    yield process
    quire(process, "labs", "delete")
    process.stop()


def quire(server: ServerProcess, *words: str) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "QUIRE_URL": server.address.url,
        "QUIRE_TOKEN": server.address.token,
    }
    return subprocess.run(
        [*QUIRE, *words], env=env, capture_output=True, text=True, check=False
    )


def test_a_lab_from_the_command_line(served: ServerProcess) -> None:
    missing = quire(served, "labs", "show")
    assert missing.returncode == 1
    assert "no lab" in missing.stderr

    made = quire(served, "labs", "create", "--size", "small", "--plain")

    assert made.returncode == 0, made.stderr
    assert "?token=" in made.stdout
    assert " 30 % Started the process of the lab of" in made.stderr
    assert "complete: Lab of" in made.stderr
    shown = json.loads(quire(served, "labs", "show", "--json").stdout)
    assert (shown["status"], shown["size"]) == ("running", "small")
    assert shown["login"] == made.stdout.strip()
    listed = json.loads(quire(served, "labs", "list", "--json").stdout)["labs"]
    assert [one["id"] for one in listed] == [shown["id"]]
    again = quire(served, "labs", "create")
    assert again.returncode == 1
    assert "exists already" in again.stderr

    gone = quire(served, "labs", "delete")

    assert (gone.returncode, gone.stdout) == (0, "")
    assert quire(served, "labs", "show").returncode == 1


def test_ctrl_c_stops_watching_and_not_the_lab(served: ServerProcess) -> None:
    env = {
        **os.environ,
        "QUIRE_URL": served.address.url,
        "QUIRE_TOKEN": served.address.token,
    }
    with subprocess.Popen(
        [*QUIRE, "labs", "create", "--plain"], env=env, stderr=-1, text=True
    ) as creating:
        assert creating.stderr is not None
        for line in creating.stderr:
            if "Waiting for JupyterLab" in line:
                break
        creating.send_signal(signal.SIGINT)
        said = creating.stderr.read()
        assert creating.wait(PATIENCE) == 130
    assert "detached; still running; to end it: quire labs delete" in said
    shown = json.loads(quire(served, "labs", "show", "--json").stdout)
    assert shown["status"] in ("pending", "running")
    assert quire(served, "labs", "delete").returncode == 0
    assert not [pid for pid in marked(MARKER, "") if _of(served, pid)]


def _of(server: ServerProcess, pid: int) -> bool:
    environ = Path(f"/proc/{pid}/environ").read_bytes()
    return server.address.url.encode() in environ


def test_both_kinds_of_token_are_made(served: ServerProcess) -> None:
    for scope in ("labs:run", "labs:admin"):
        made = quire(
            served, "token", "create", "--user", "rachel", "--scope", scope, "--json"
        )
        token = json.loads(made.stdout)
        assert (token["name"], token["scopes"]) == ("rachel", [scope])
