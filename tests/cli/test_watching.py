"""Watching in a real terminal what a real server does."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.fits_files import image_file, specification
from quire.testing.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("found")
LONG = ("-p", "SECONDS=60", "-p", "STEPS=600")
WORDS = (sys.executable, "-m", "quire")


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    served = ServerProcess(tmp_path_factory.mktemp("watched") / "data")
    served.start()
    yield served
    served.stop()


@pytest.fixture
def found(process: ServerProcess, home: Path) -> Path:
    """Let every command find the server, in a terminal that can draw."""
    os.environ["QUIRE_DIR"] = str(process.folder)
    os.environ["TERM"] = "xterm-256color"
    for name in ("CI", "NO_COLOR"):
        os.environ.pop(name, None)
    return home


def terminal(*words: str) -> pexpect.spawn:
    return pexpect.spawn(
        WORDS[0],
        [*WORDS[1:], *words],
        timeout=PATIENCE,
        encoding="utf-8",
        dimensions=(40, 120),
    )


def said(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WORDS, *words], capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def submitted(*words: str) -> str:
    return said("jobs", "submit", "wait", *words).stdout.strip()


def code(child: pexpect.spawn) -> int | None:
    child.expect(pexpect.EOF)
    child.wait()
    found: int | None = child.exitstatus
    return found


def test_a_bar_has_all_its_parts_and_ctrl_c_detaches() -> None:
    job = submitted(*LONG)
    with terminal("jobs", "watch", job) as child:
        child.expect(f"http://127.0.0.1:[0-9]+/operations/{job}")
        child.expect(r"[0-9] %")
        child.expect(r"[0-9]:[0-9]{2}")
        child.expect("Step [0-9]+ of 600")
        child.expect("0:[0-9]{2}, 0:[0-9]{2} left")
        child.sendintr()
        child.expect("still running")
        child.expect(f"quire jobs watch {job}")
        child.expect(f"quire jobs abort {job}")
        assert code(child) == 130
    assert (
        json.loads(said("jobs", "show", job, "--json").stdout)["phase"] == "EXECUTING"
    )
    assert said("jobs", "abort", job).returncode == 0
    ended = said("jobs", "watch", job)
    assert ended.returncode == 1
    assert "failed: Aborted" in ended.stderr


def test_without_a_terminal_it_is_lines_without_control_codes() -> None:
    job = submitted("-p", "SECONDS=0", "-p", "STEPS=3")
    told = said("jobs", "watch", job)
    assert (told.returncode, told.stdout) == (0, "")
    assert "\x1b" not in told.stderr
    line = rf"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ {job[:8]}  33 % Step 1 of 3$"
    assert re.search(line, told.stderr, re.MULTILINE)
    assert "complete: Waited" in told.stderr


def test_json_is_the_events_unchanged() -> None:
    job = submitted("-p", "SECONDS=0", "-p", "STEPS=2", "-p", "FAIL=true")
    told = said("jobs", "watch", job, "--json")
    assert told.returncode == 1
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert [one["id"] for one in events] == list(range(1, len(events) + 1))
    assert {frozenset(one) - {"progress"} for one in events} == {
        frozenset({"id", "type", "message"})
    }
    assert events[-1]["type"] == "failed"


def test_watching_ends_at_its_timeout() -> None:
    job = submitted(*LONG)
    told = said("jobs", "watch", job, "--timeout", "0.5")
    assert told.returncode == 124
    assert f"quire jobs watch {job}" in told.stderr
    said("jobs", "abort", job)


def test_it_goes_on_by_itself_when_the_server_comes_back(tmp_path: Path) -> None:
    # On a database it might be another server that lives: only the lease tells.
    lease = {"QUIRE_ATTEMPT_LEASE": "2"}
    server = ServerProcess(tmp_path / "own" / "data", environment=lease)
    server.start()
    try:
        os.environ["QUIRE_DIR"] = str(server.folder)
        wanted = ("wait", "-p", "SECONDS=4", "-p", "STEPS=30", "--wait", "--json")
        with terminal("jobs", "submit", *wanted) as child:
            child.expect("Step [0-9]+ of 30")
            server.kill()
            server.start()  # at another port
            child.expect("Waited for 4 s")
            heard = (child.before or "") + str(child.after)
            assert code(child) == 0
        numbers = [int(one) for one in re.findall(r'"id":(\d+)', heard)]
        assert numbers == sorted(set(numbers))
        assert "attempt 2" in heard
    finally:
        server.stop()


def test_several_are_watched_at_once() -> None:
    good = submitted("-p", "SECONDS=0.3", "-p", "STEPS=3")
    bad = submitted("-p", "SECONDS=0.3", "-p", "STEPS=3", "-p", "FAIL=true")
    with terminal("jobs", "watch", good, bad) as child:
        child.expect("Failed after 0.3 s")
        assert code(child) == 1
    told = said("jobs", "watch", good, bad, "--json")
    events = [json.loads(line) for line in told.stdout.splitlines()]
    for job, last in ((good, "complete"), (bad, "failed")):
        own = [one for one in events if one["operation"] == job]
        assert [one["id"] for one in own] == list(range(1, len(own) + 1))
        assert own[-1]["type"] == last


def test_those_at_work_are_watched_by_default() -> None:
    assert "nothing is at work" in said("jobs", "watch").stderr
    jobs = [submitted(*LONG) for _ in range(2)]
    with terminal("jobs", "watch") as child:
        for _ in jobs:
            child.expect("Step [0-9]+ of 600")
        child.sendintr()
        child.expect("still running")
        assert code(child) == 130
    for job in jobs:
        said("jobs", "abort", job)


def test_acquisitions_are_watched_in_a_table(found: Path) -> None:
    spec = found / "spec.json"
    source = image_file(found / "a.fits")
    with terminal("daq", "watch") as child:
        child.expect("acquisition")
        spec.write_text(json.dumps(specification({"c": source}, file_id="WATCH.ONE")))
        assert said("daq", "queue", str(spec)).returncode == 0
        child.expect("WATCH.ONE")
        child.expect("Completed")
        child.sendintr()
        child.expect("detached")
        assert code(child) == 130


def test_one_acquisition_is_watched_until_it_is_blocked(found: Path) -> None:
    spec = found / "spec.json"
    missing = found / "missing.fits"
    spec.write_text(json.dumps(specification({"c": missing}, file_id="WATCH.TWO")))
    assert said("daq", "queue", str(spec)).returncode == 0
    with terminal("daq", "watch", "WATCH.TWO") as child:
        child.expect("held: ")
        child.expect("quire daq retry WATCH.TWO")
        assert code(child) == 4
    assert said("daq", "abort", "WATCH.TWO").returncode == 0
