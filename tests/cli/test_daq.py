"""`quire daq` and its Python, against a real server that merges real files."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quire.cli.main import app
from quire.client.connection import Connection
from quire.client.daq import Acquisitions
from quire.client.errors import Refused, RefusedConflict, RefusedInput, RefusedLookup
from quire.errors import NotFound
from quire.testing.campaigns.server import ServerProcess
from quire.testing.fits_files import image_file, specification
from quire.testing.waiting import PATIENCE


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    served = ServerProcess(tmp_path_factory.mktemp("daq") / "data")
    served.start()
    yield served
    served.stop()


@pytest.fixture
def found(process: ServerProcess, home: Path) -> Path:
    """Let every command find the server."""
    os.environ["QUIRE_URL"] = process.address.url
    os.environ["QUIRE_TOKEN"] = process.address.token or ""
    return home


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["daq", *words])


def told(*words: str) -> Any:
    result = call(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def written(folder: Path, name: str, source: Path) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(specification({"cam": source}, file_id=name)))
    return path


def test_queues_and_watches_to_the_end(found: Path) -> None:
    spec = written(found, "CLI.GOOD", image_file(found / "a.fits"))
    result = call("queue", str(spec), "--wait")
    assert (result.exit_code, result.stdout) == (0, "CLI.GOOD\n"), result.stderr
    assert "complete: Published CLI.GOOD.fits" in result.stderr
    assert "products/CLI.GOOD.fits" in call("status", "CLI.GOOD").stdout
    assert told("status", "CLI.GOOD")["subState"] == "Completed"
    assert call("status", "CLI.GOOD").stderr == ""
    assert [one["id"] for one in told("history", "I.GOOD")] == ["CLI.GOOD"]
    assert told("history", "I.GOOD", "--substate", "Aborted") == []
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    assert told("history", "I.GOOD", "--since", tomorrow) == []
    assert "CLI.GOOD" in call("history").stdout
    again = call("queue", str(spec))
    assert again.exit_code == 1
    assert "CLI.GOOD" in again.stderr


def test_a_blocked_one_is_code_4_then_retried(found: Path) -> None:
    late = found / "late.fits"
    spec = written(found, "CLI.LATE", late)
    result = call("queue", str(spec), "--wait")
    assert result.exit_code == 4
    assert "quire daq retry CLI.LATE; or: quire daq abort CLI.LATE" in result.stderr
    assert "quire jobs" not in result.stderr
    listed = call("active")
    assert "CLI.LATE" in listed.stdout
    assert "there is no file" in listed.stdout
    assert "quire daq retry ID" in listed.stderr
    shown = call("status", "CLI.LATE")
    assert "there is no file" in shown.stdout
    assert "quire daq retry CLI.LATE" in shown.stderr
    assert "there is no file" in told("status", "CLI.LATE")["message"]
    image_file(late)
    assert call("retry", "CLI.LATE").stdout == "CLI.LATE: goes on\n"
    assert call("watch", "CLI.LATE").exit_code == 0
    assert told("active") == []


def test_aborts(found: Path) -> None:
    call("queue", str(written(found, "CLI.GONE", found / "none.fits")), "--wait")
    assert told("abort", "CLI.GONE") == {"id": "CLI.GONE", "error": False}
    assert call("watch", "CLI.GONE").exit_code == 1
    refused = call("abort", "CLI.GONE")
    assert refused.exit_code == 1
    assert "archived" in refused.stderr


def test_every_change_of_all_is_watched(found: Path) -> None:
    program = [sys.executable, "-m", "quire", "daq", "watch", "--json"]
    spec = written(found, "CLI.ALL", image_file(found / "a.fits"))
    call("queue", str(written(found, "CLI.STUCK", found / "none.fits")), "--wait")
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        present = json.loads(watching.stdout.readline())
        assert (present["id"], present["error"]) == ("CLI.STUCK", True)
        call("queue", str(spec))
        seen = []
        while "Completed" not in seen:
            one = json.loads(watching.stdout.readline())
            seen += [one["subState"]] if one["id"] == "CLI.ALL" else []
        watching.terminate()
    call("abort", "CLI.STUCK")
    assert seen[-1] == "Completed"


@pytest.mark.usefixtures("found")
def test_storage_and_schema() -> None:
    assert told("storage")["available"] > 0
    assert "capacity" in call("storage").stdout
    schema = json.loads(call("schema").stdout)
    assert schema == Acquisitions(Connection()).schema()


def test_a_bad_specification_is_code_2_with_all_its_errors(found: Path) -> None:
    bad = found / "bad.json"
    bad.write_text('{"id": "../x", "sources": [{"type": "odd"}], "target": {}}')
    result = call("queue", str(bad))
    assert result.exit_code == 2
    for place in ("/id", "/sources/0/type", "/target/fileId"):
        assert place in result.stderr
    assert call("queue", str(found / "none.json")).exit_code == 2


def test_in_python(found: Path) -> None:
    daqs = Acquisitions()
    wanted = specification({"cam": found / "none.fits"}, file_id="PY.1")
    assert daqs.queue(wanted) == {"id": "PY.1", "error": False}
    with pytest.raises(RefusedConflict, match=r"PY\.1"):
        daqs.queue(wanted)
    with pytest.raises(RefusedInput, match="/id"):
        daqs.queue({})
    with pytest.raises(RefusedLookup) as caught:
        daqs.status("NOBODY")
    assert isinstance(caught.value, NotFound)
    assert any(one["id"] == "PY.1" for one in daqs.changes())
    daqs.abort("PY.1")
    with pytest.raises(Refused):
        daqs.retry("PY.1")
    assert len(list(daqs.history("PY.", limit=5))) == 1


def test_exit_ends_the_server(home: Path) -> None:
    served = ServerProcess(home / "own")
    served.start()
    os.environ["QUIRE_DIR"] = str(home / "own")
    result = call("exit")
    assert (result.exit_code, result.stdout) == (0, "OK\n")
    assert served.wait(PATIENCE) == 0
