import os
import subprocess
from pathlib import Path

import pytest

from quire.engines.embedded.output import Log, Output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs" / "j" / "1"


def test_who_prints_nothing_leaves_nothing(tmp_path: Path, folder: Path) -> None:
    output = Output()
    for _ in range(3):
        with output.captured(folder, tmp_path):
            pass
    assert not list(tmp_path.iterdir())


def test_what_is_printed_is_in_the_log_of_its_attempt(
    tmp_path: Path, folder: Path
) -> None:
    output, second = Output(), folder.with_name("2")
    with output.captured(folder, tmp_path):
        subprocess.run(["echo", "first"], check=True)
    with output.captured(second, tmp_path):
        os.write(2, b"second\n")
    assert (folder / "log.txt").read_text() == "first\n"
    assert (second / "log.txt").read_text() == "second\n"


def test_it_can_be_read_while_the_work_goes_on(tmp_path: Path, folder: Path) -> None:
    with Output().captured(folder, tmp_path) as log:
        os.write(1, b"one\n")
        log.appear_if_said()
        assert (folder / "log.txt").read_text() == "one\n"
        os.write(1, b"two\n")
        log.appear_if_said()
        assert (folder / "log.txt").read_text() == "one\ntwo\n"


def test_a_folder_that_is_asked_for_has_its_log_at_once(
    tmp_path: Path, folder: Path
) -> None:
    with Output().captured(folder, tmp_path) as log:
        log.appear()
        log.appear()
        assert [path.name for path in folder.iterdir()] == ["log.txt"]
    assert not list(folder.iterdir())


def test_where_files_need_names_it_has_one_from_the_start(folder: Path) -> None:
    log = Log(None, folder)
    assert (folder / "log.txt").exists()
    assert log.end() is None
    assert not list(folder.iterdir())
