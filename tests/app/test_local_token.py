"""The token of a data folder's owner."""

import stat
import threading
from pathlib import Path

from quire.app.local_token import TOKEN_FILE, local_token

AT_ONCE, FOLDERS = 8, 40


def test_it_stays_the_same_and_is_its_owners_alone(tmp_path: Path) -> None:
    token = local_token(tmp_path)
    assert local_token(tmp_path) == token
    file = tmp_path / TOKEN_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [TOKEN_FILE]


def test_an_empty_file_is_no_token(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).touch()
    token = local_token(tmp_path)
    assert token
    assert local_token(tmp_path) == token


def test_servers_that_start_at_once_have_the_same(tmp_path: Path) -> None:
    for number in range(FOLDERS):
        folder = tmp_path / str(number)
        folder.mkdir()
        start, found = threading.Barrier(AT_ONCE), list[str]()

        def begin(
            folder: Path = folder,
            start: threading.Barrier = start,
            found: list[str] = found,
        ) -> None:
            start.wait()
            found.append(local_token(folder))

        threads = [threading.Thread(target=begin) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(found) == {local_token(folder)}
