"""Whose the documents are that a session has left in a spool."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.serving import HERE, Server

import quire
from quire.client.connection import Connection
from quire.client.discovery import names_of_server
from quire.client.spool import default_spool
from quire.client.writer import drain
from quire.errors import InputError

COUNT = 5


@pytest.fixture
def other(home: Path) -> Iterator[Server]:
    """A second server of the same user."""
    made = Server(home / "other")
    made.start()
    yield made
    made.kill()


def leave(url: str, spool: Path) -> None:
    """Be killed with documents for a server that takes none of them."""
    program = [sys.executable, HERE / "writing_program.py", "kill", spool, "5", "a"]
    subprocess.run(  # noqa: PLW1510 - it is killed
        list(map(str, program)),
        env={**os.environ, "QUIRE_URL": url, "QUIRE_TOKEN": "wrong"},
        capture_output=True,
    )


def test_what_is_left_for_one_server_goes_to_no_other(
    running: Server, other: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    leave(running.url, home / "spool")
    with quire.writer(other.url, other.token, spool=home / "spool") as writer:
        writer("event", {"uid": "mine"})
        assert writer.flush(20.0)
        assert (writer.status.sent, writer.status.waiting) == (1, 0)
    assert other.known()["uids"] == ["mine"]
    folder = running.folder
    assert f"left in {home / 'spool'} waits for {folder}" in capfd.readouterr().err
    former = running.url
    running.kill()
    running.start()  # the same one, at another port
    assert running.url != former
    with quire.writer(running.url, running.token, spool=home / "spool") as writer:
        assert writer.status.waiting == COUNT
        assert writer.flush(20.0)
    assert len(running.known()["uids"]) == COUNT


def test_the_default_spool_is_drained_of_what_is_for_this_server(
    running: Server, other: Server
) -> None:
    leave(running.url, default_spool())
    with Connection(other.url, other.token) as connection:
        with pytest.raises(InputError, match=f"waits for {running.folder}"):
            drain(connection)
        assert other.known()["uids"] == []
        # Who names a spool says whose it is: the server has moved, perhaps.
        assert drain(connection, default_spool()).sent == COUNT
    assert len(other.known()["uids"]) == COUNT


def test_by_what_a_server_is_known(running: Server, home: Path) -> None:
    here = str(running.folder)
    away = "https://quire.example.org"
    assert names_of_server(environ={}) == (here, "")
    assert names_of_server(running.url + "/", environ={}) == (here, running.url)
    assert names_of_server(away, environ={}) == (away,)
    assert names_of_server(environ={"QUIRE_URL": away}) == (away,)
    lab = {
        "QUIRE_URL": "http://127.0.0.1:9",
        "QUIRE_SERVER_FILE": f"{here}/server.json",
    }
    assert names_of_server(environ=lab) == (here, lab["QUIRE_URL"])
    folder = str(home / "none")
    assert names_of_server(environ={"QUIRE_DIR": folder}) == (folder,)
    running.kill()
    assert names_of_server(environ={}) == ("", here)
