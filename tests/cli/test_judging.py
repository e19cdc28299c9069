"""`quire runs`: judging runs, and good-run lists, against a real server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_commands import call
from tests.faces.search.conftest import searched, uid

from quire.testing.campaigns.server import ServerProcess

__all__ = ["searched"]


@pytest.fixture(autouse=True)
def found(searched: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_URL", searched.address.url)
    monkeypatch.setenv("QUIRE_TOKEN", searched.address.token)


def said(*words: str) -> Any:
    result = call("runs", *words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_flag_says_why_and_when() -> None:
    times = "2023-11-14T22:19:00/2023-11-14T23:20+01:00"
    why = ("--cause", "HV", "--comment", "a trip", "--reason", "as logged")
    told = said("flag", uid(5), "CDC", "bad", *why, "--times", times)
    (flag,) = told["flags"]
    assert (flag["cause"], flag["comment"]) == ("HV", "a trip")
    assert flag["span"] == {
        "unit": "time",
        "first": 1_700_000_340.0,
        "last": 1_700_000_400.0,
    }
    shown = call("runs", "history", uid(5)).stdout
    for word in ("detector=CDC", "cause=HV", "as logged"):
        assert word in shown
    gone = said("undo", uid(5), "1", "--reason", "another run")
    assert gone["flags"] == []
    assert said("history", uid(5))["history"][1]["reason"] == "another run"


@pytest.mark.parametrize(
    "words",
    [
        ("--times", "yesterday/today"),
        ("--times", "2023-11-14"),
        ("--events", "1-2", "--times", "2023-11-14/2023-11-15"),
    ],
)
def test_a_part_that_cannot_be_read_is_refused(words: tuple[str, ...]) -> None:
    result = call("runs", "flag", uid(5), "CDC", "bad", *words)
    assert (result.exit_code, "--times" in result.stderr) == (2, True)


def test_a_run_is_remarked_on_signed_off_and_opened() -> None:
    assert said("comment", uid(6), "all quiet")["comments"][0]["text"] == "all quiet"
    assert said("sign-off", uid(6), "signed-off")["sign_off"] == "signed off"
    assert said("sign-off", uid(6), "open", "--reason", "no")["sign_off"] == "open"
    assert call("runs", "sign-off", uid(6), "done").exit_code == 2


def test_a_run_is_shown_with_what_is_said_of_it() -> None:
    part = ("--events", "1-2", "--cause", "HV", "--comment", "a trip")
    flagged = said("flag", uid(8), "CDC", "bad", *part)
    said("flag", uid(8), "PXD", "good")
    said("comment", uid(8), "looked at twice")
    said("sign-off", uid(8), "signed-off")
    who = flagged["flags"][0]["author"]
    shown = [
        " ".join(line.split())
        for line in call("runs", "show", uid(8)).stdout.splitlines()
    ]
    assert f"flag CDC bad events 1-2: HV, a trip ({who})" in shown
    assert f"flag PXD good ({who})" in shown
    assert "sign-off signed off" in shown
    assert any(line.startswith(f"comment looked at twice ({who}, ") for line in shown)


def test_many_are_flagged_and_undone() -> None:
    batch = said("flag-all", "experiment = 27", "KLM", "bad", "--reason", "gas")
    assert batch["runs"] == 12
    assert said("undo-all", batch["id"])["runs"] == 12
    assert call("runs", "undo-all", batch["id"]).exit_code == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_text_is_shown_on_any_terminal(encoding: str) -> None:
    text = f"é 日本 {encoding}"
    said("comment", uid(9), text)

    def shown(*words: str) -> bytes:
        command = [sys.executable, "-m", "quire", "runs", "show", uid(9), *words]
        there = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, env=there, check=True, capture_output=True)
        return done.stdout

    comments = json.loads(shown("--json").decode("utf-8"))["quality"]["comments"]
    assert text in [one["text"] for one in comments]
    assert text.encode(encoding, "backslashreplace") in shown()


def test_what_would_steer_the_terminal_is_shown_as_it_is() -> None:
    call("runs", "comment", uid(7), "\x1b[2Jgone\x9b\nnext")
    shown = call("runs", "history", uid(7)).stdout
    assert "\\x1b[2Jgone\\x9b" in shown
    assert not {"\x1b", "\x9b"} & set(shown)


def test_a_list_is_frozen_listed_and_written(tmp_path: Path) -> None:
    query = "experiment = 26 and run < 4"
    words = ("lists", "freeze", "shown", query, "--note", "first", "--bad", "awful")
    result = call("runs", *words)
    told = "shown@1: 3 runs; left out for lack of a value: 0"
    assert result.stdout.strip() == told
    again = said("lists", "freeze", "shown", "experiment = 26 and run < 3")
    assert (again["version"], again["bad"]) == (2, ["BAD", "bad"])
    listed = said("lists", "list")["lists"]
    assert [one["label"] for one in listed] == ["shown@1", "shown@2"]
    assert listed[0]["bad"] == ["awful"]
    assert "shown@2" in call("runs", "show", uid(0)).stdout
    assert query in call("runs", "lists", "list").stdout
    ranges = call("runs", "lists", "export", "shown", "--format", "ranges").stdout
    assert json.loads(ranges) == {"26": [[1, 2]]}
    file = tmp_path / "list.csv"
    written = ("--version", "1", "-o", str(file))
    assert call("runs", "lists", "export", "shown", *written).stdout == ""
    assert len(file.read_text().splitlines()) == 3 + 1
    differ = call("runs", "lists", "difference", "shown", "--version", "1").stdout
    assert (uid(2) in differ, "only first" in differ) == (True, True)
    assert call("runs", "lists", "export", "none").exit_code == 1
