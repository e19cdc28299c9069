import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.client.discovery import default_folder, find
from quire.client.errors import NoServer, SeveralServers
from quire.errors import InputError
from quire.server_file import ServerRecord, live, live_servers, publish


def record(port: int, pid: int | None = None) -> ServerRecord:
    url = f"http://127.0.0.1:{port}"
    return ServerRecord(url=url, token=f"token-{port}", pid=pid or os.getpid())


@pytest.fixture
def folder(home: Path) -> Path:
    made = home / "elsewhere"
    made.mkdir()
    return made


@pytest.fixture
def default(home: Path) -> Path:
    assert default_folder().is_relative_to(home)
    default_folder().mkdir()
    return default_folder()


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_the_file_is_private_and_goes_with_the_server(folder: Path) -> None:
    with publish(record(1), folder):
        mode = (folder / "server.json").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        assert live(folder / "server.json") == record(1)
        assert list(live_servers().values()) == [record(1)]
    assert list(folder.iterdir()) == []
    assert live_servers() == {}


def test_the_next_server_s_file_is_not_removed(folder: Path) -> None:
    with publish(record(1), folder):
        (folder / "server.json").unlink()
        following = publish(record(2), folder)
        following.__enter__()
    assert live(folder / "server.json") == record(2)
    following.__exit__(None, None, None)


def test_one_that_others_could_write_is_not_believed(folder: Path) -> None:
    with publish(record(1), folder):
        (folder / "server.json").chmod(0o622)
        assert live(folder / "server.json") is None


def test_a_dead_one_is_ignored(folder: Path) -> None:
    with publish(record(1, dead_pid()), folder):
        assert (folder / "server.json").exists()
        with pytest.raises(NoServer):
            find()


def test_the_caller_wins_then_the_environment(default: Path, folder: Path) -> None:
    with publish(record(1), default), publish(record(2), folder):
        os.environ["QUIRE_DIR"] = str(folder)
        assert find().url == record(2).url
        os.environ |= {"QUIRE_URL": "http://far/", "QUIRE_TOKEN": "far"}
        assert (find().url, find().token) == ("http://far", "far")
        assert find("http://near", "near").token == "near"  # noqa: S105


def test_a_token_of_the_environment_goes_with_whatever_is_found(
    default: Path,
) -> None:
    os.environ["QUIRE_TOKEN"] = "mine"  # noqa: S105
    with publish(record(1), default):
        assert (find().url, find().token) == (record(1).url, "mine")
        assert find(token="said").token == "said"  # noqa: S105, S106


def test_the_default_wins_over_others(default: Path, folder: Path) -> None:
    with publish(record(1), folder):
        assert find().token == "token-1"  # noqa: S105
        with publish(record(2), default):
            assert find().token == "token-2"  # noqa: S105


def test_several_are_listed(home: Path, folder: Path) -> None:
    (home / "third").mkdir()
    with (
        publish(record(1), folder),
        publish(record(2), home / "third"),
        pytest.raises(SeveralServers, match=r":1, http.*:2|:2, http.*:1"),
    ):
        find()


def test_several_are_told_by_what_names_one(home: Path, folder: Path) -> None:
    (home / "third").mkdir()
    with (
        publish(replace(record(1), folder="/data/one"), folder),
        publish(record(2), home / "third"),
        pytest.raises(SeveralServers, match=r":1 on /data/one[,;]"),
    ):
        find()


def test_an_explicit_folder_is_never_replaced(default: Path, folder: Path) -> None:
    os.environ["QUIRE_DIR"] = str(folder)
    with publish(record(1), default), pytest.raises(NoServer, match="QUIRE_DIR"):
        find()


def test_a_token_goes_only_to_its_own_server(default: Path) -> None:
    with publish(record(1), default):
        assert find(record(1).url).token == "token-1"  # noqa: S105
        assert find("http://stranger").token == ""
    os.environ |= {"QUIRE_URL": "http://mine", "QUIRE_TOKEN": "secret"}
    assert find("http://stranger").token == ""


def test_a_server_that_came_back_at_another_port_is_found(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        file = folder / "server.json"
        os.environ |= {"QUIRE_URL": url, "QUIRE_TOKEN": "of the lab"}
        os.environ["QUIRE_SERVER_FILE"] = str(file)
        assert find().url == url
        with publish(record(1), folder):
            assert find().url == url  # it listens, and was meant
    assert find().url == url
    with publish(record(1), folder):
        found = find()
        assert (found.url, found.token) == (record(1).url, "of the lab")
        assert find(url).url == url  # what the caller says
    with publish(record(1, dead_pid()), folder):
        assert find().url == url


def test_what_came_with_a_line_s_end_is_taken_without(home: Path) -> None:  # noqa: ARG001
    found = find(" http://host:1/quire/ \n", "qt_secret\n", environ={})
    assert (found.url, found.token) == ("http://host:1/quire", "qt_secret")
    environ = {"QUIRE_URL": "https://[::1]:2\n", "QUIRE_TOKEN": "qt_other\n"}
    found = find(environ=environ)
    assert (found.url, found.token) == ("https://[::1]:2", "qt_other")


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8642",
        "localhost:8642",
        "ftp://host",
        "http://",
        "http://ho st",
        "http://host:port",
        "http://host:99999",
        "http://[::1",
        "http://host?x=1",
        "http://ho\nst",
    ],
)
def test_what_is_no_address_is_named(url: str) -> None:
    with pytest.raises(InputError, match="is no address") as caught:
        find(url, "token", environ={})
    assert caught.value.field == "url"
    with pytest.raises(InputError) as caught:
        find(environ={"QUIRE_URL": url, "QUIRE_TOKEN": "token"})
    assert caught.value.field == "QUIRE_URL"


@pytest.mark.parametrize("token", ["t\u00f6ken", "two\nlines", "a\r\nX-More: b"])
def test_what_is_no_token_is_not_sent(token: str) -> None:
    with pytest.raises(InputError) as caught:
        find("http://host", token, environ={})
    assert caught.value.field == "token"
    assert token not in str(caught.value)
