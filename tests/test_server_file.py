"""Which of several servers on a data folder is found."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from quire.server_file import ServerRecord, live, live_servers, publish, stand_in
from quire.testing.not_proved import not_proved

NAMED = "server.json"


def _record(port: int, pid: int, host: str = "") -> ServerRecord:
    url = f"http://127.0.0.1:{port}"
    return ServerRecord(url=url, token=f"token-{port}", pid=pid, host=host)


@pytest.fixture
def dead() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def _said(file: Path) -> ServerRecord:
    return msgspec.json.decode(file.read_bytes(), type=ServerRecord)


def test_one_stands_in_for_one_that_died(tmp_path: Path, dead: int) -> None:
    one, other = _record(1, dead), _record(2, os.getpid())
    with (
        publish(one, tmp_path, name="one", servers=tmp_path / "copies"),
        publish(other, tmp_path, name="other", servers=tmp_path / "copies"),
    ):
        (tmp_path / NAMED).write_bytes(msgspec.json.encode(one))
        stand_in(other, tmp_path, servers=tmp_path / "copies")
        assert _said(tmp_path / NAMED) == other
        (copy,) = (tmp_path / "copies").iterdir()
        assert live(copy) == other


def test_one_that_lives_is_left_its_place(tmp_path: Path) -> None:
    one, other = _record(1, os.getpid()), _record(2, os.getpid())
    with publish(one, tmp_path, name="one", servers=tmp_path / "copies"):
        stand_in(other, tmp_path, servers=tmp_path / "copies")
        assert _said(tmp_path / NAMED) == one


def test_of_one_on_another_machine_nothing_is_known(tmp_path: Path, dead: int) -> None:
    """Its process may live, and its address is no use here: neither is believed."""
    there = _record(1, os.getpid(), host="another.machine")
    here = _record(2, os.getpid())
    (tmp_path / NAMED).touch(mode=0o600)
    (tmp_path / NAMED).write_bytes(msgspec.json.encode(there))
    assert live(tmp_path / NAMED) is None
    stand_in(here, tmp_path, servers=tmp_path / "copies")
    assert _said(tmp_path / NAMED) == there
    (tmp_path / NAMED).write_bytes(msgspec.json.encode(_record(3, dead)))
    stand_in(here, tmp_path, servers=tmp_path / "copies")
    assert _said(tmp_path / NAMED) == here


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason=not_proved(
        "that root finds another's server", why="root alone may", mend="run as root"
    ),
)
@pytest.mark.parametrize(("owner", "is_found"), [(65_534, True), (65_533, False)])
def test_root_finds_the_server_of_who_owns_the_folder(
    tmp_path: Path, owner: int, *, is_found: bool
) -> None:
    record = _record(1, os.getpid())
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 65_534, 65_534)
    with publish(record, folder, servers=tmp_path / "copies"):
        for file in (folder / NAMED, *(tmp_path / "copies").iterdir()):
            os.chown(file, owner, owner)
        assert live(folder / NAMED) == (record if is_found else None)
        os.chown(tmp_path / "copies", owner, owner)
        # Nobody named these.
        assert live_servers(tmp_path / "copies") == {}
