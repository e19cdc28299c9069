"""`quire migrate`, with real servers on both kinds of store."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from quire.cli.main import app
from quire.cli.outcomes import Outcome
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, make_run


def call(*words: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=given)


def ingest(seed: int) -> None:
    found = call("ingest", "-", "--json", given=as_ndjson(make_run(seed, 3)))
    assert found.exit_code == Outcome.COMPLETE, found.output


def uids() -> list[str]:
    found = call("runs", "search", "--json")
    assert found.exit_code == Outcome.COMPLETE, found.output
    return sorted(run["uid"] for run in json.loads(found.stdout)["runs"])


@contextmanager
def serving(folder: Path, database: str = "") -> Iterator[ServerProcess]:
    # Empty: in the folder, whatever store the other tests are on.
    server = ServerProcess(folder, environment={"QUIRE_DATABASE": database})
    os.environ["QUIRE_DIR"] = str(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_a_facility_moves_to_postgres_and_back(home: Path, postgres_url: str) -> None:
    folder, back = home / "data", home / "back"
    with serving(folder) as server:
        ingest(1)
        early = call("migrate", str(folder), postgres_url)
        assert early.exit_code == Outcome.BLOCKED, early.output
        assert "stop the server" in early.output
        ingest(2)
        before = uids()
        assert len(before) == 2
        later = threading.Timer(1.0, server.stop)
        later.start()
        moved = call("migrate", str(folder), postgres_url, "--wait", "60", "--json")
        later.join()
    assert moved.exit_code == Outcome.COMPLETE, moved.output
    kinds = {one["kind"]: one for one in json.loads(moved.stdout)["moved"]["kinds"]}
    assert kinds["run"]["rows"] == 2
    with serving(folder, postgres_url):
        assert uids() == before
        ingest(3)
        after = uids()
        early = call("migrate", postgres_url, str(back))
        assert early.exit_code == Outcome.BLOCKED, early.output
    there = call("migrate", postgres_url, str(back))
    assert there.exit_code == Outcome.COMPLETE, there.output
    assert "is equal to" in there.stdout
    with serving(back):
        assert uids() == after
    assert len(after) == 3


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        ("a", "b", "of the same kind"),
        ("postgresql://h/a", "postgresql://h/b", "of the same kind"),
        ("a", "postgresql://me:secret@h/b", "holds a password"),
        ("postgresql://h/b", "", "destination: is empty"),
        ("", "postgresql://h/b", "source: is empty"),
        ("missing", "postgresql://h/b", "holds no store"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_cannot_be_moved_is_refused(
    source: str, destination: str, said: str
) -> None:
    found = call("migrate", source, destination)
    assert found.exit_code == Outcome.USAGE
    assert said in found.output
    assert "secret" not in found.output
