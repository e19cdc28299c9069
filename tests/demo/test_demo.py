import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from quire.testing.waiting import PATIENCE

COMMAND = [sys.executable, "-m", "quire", "demo"]
SECONDS = 4 * PATIENCE


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment of its own, so that what is left behind can be seen."""
    temporary, runtime = tmp_path / "tmp", tmp_path / "runtime"
    temporary.mkdir()
    runtime.mkdir(mode=0o700)
    yield {
        **os.environ,
        "TMPDIR": str(temporary),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_DATA_HOME": str(tmp_path / "home"),
    }
    assert left_processes(tmp_path) == []


def left_processes(folder: Path) -> list[str]:
    """Processes that know of the folder, by their arguments or their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline() + list(process.environ().values())
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if process.pid != os.getpid() and any(str(folder) in word for word in words):
            found.append(f"{process.pid} {process.name()}")
    return found


def files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    )


@pytest.mark.parametrize("options", [["--once"], []], ids=["once", "no-terminal"])
def test_once_or_without_a_terminal_it_ends_verified_and_leaves_nothing(
    environment: dict[str, str], tmp_path: Path, options: list[str]
) -> None:
    done = subprocess.run(
        [*COMMAND, *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"│ verified +│", done.stdout)
    assert "│ 41 " in done.stdout
    assert re.search(r"dashboard: http://127\.0\.0\.1:\d+/login\?code=", done.stdout)
    assert "ended: it stays up for browsing in a terminal" in done.stdout
    assert "searchable while open" in done.stderr
    assert re.search(r"\d\d:\d\d:\d\d run ", done.stderr)
    assert re.search(r"\d\d:\d\d:\d\d merge ", done.stderr)
    assert files(tmp_path / "tmp") == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_named_folder_is_kept_with_its_product(
    environment: dict[str, str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    done = subprocess.run(
        [*COMMAND, str(data), "--once"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    kept = files(data)
    assert [name for name in kept if re.match(r"products/.*\.fits$", name)]
    assert not [name for name in kept if name.endswith(".part")]
    assert "server.json" not in kept


def test_a_judge_that_says_no_costs_the_verdict(
    environment: dict[str, str], tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    judge = programs / "fitsverify"
    judge.write_text("#!/bin/sh\necho 'verification FAILED: 1 error'\nexit 1\n")
    judge.chmod(0o755)

    done = subprocess.run(
        [*COMMAND, "--once"],
        env={**environment, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "fitsverify: verification FAILED" in done.stderr
    assert not re.search(r"\bverified\b", done.stdout)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_in_a_terminal_it_stays_until_ctrl_c(
    environment: dict[str, str], tmp_path: Path
) -> None:
    terminal = pexpect.spawn(
        COMMAND[0],
        COMMAND[1:],
        env=environment,
        encoding="utf-8",
        timeout=SECONDS,
        dimensions=(40, 140),
    )
    try:
        terminal.expect("Ctrl-C ends the demonstration")
        assert terminal.isalive()
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close()

    assert terminal.exitstatus == 0
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["serving", "searchable while open", "merge "])
def test_an_interrupt_at_any_time_leaves_nothing(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    with subprocess.Popen(
        [*COMMAND, "--once"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if moment in line:
                break
        child.send_signal(number)
        _, said = child.communicate(timeout=SECONDS)

    assert child.returncode == 130, said
    assert list((tmp_path / "tmp").iterdir()) == []
