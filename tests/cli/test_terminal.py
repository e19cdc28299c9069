import io
import sys

import pexpect
import pytest
from rich.console import Console

from quire.cli.bars import progress_bars
from quire.cli.progress import Bar
from quire.client.progress import Told
from quire.progress.event import ProgressEvent, ProgressType
from quire.testing.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("running")


def quire(*words: str) -> pexpect.spawn:
    return pexpect.spawn(
        sys.executable, ["-m", "quire", *words], timeout=PATIENCE, encoding="utf-8"
    )


@pytest.fixture(autouse=True)
def _a_real_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_ctrl_c_detaches_and_says_how_to_go_on() -> None:
    long = ("-p", "STEPS=9000", "-p", "PAUSE=0.2")
    with quire("jobs", "submit", "wait", *long, "--wait") as watching:
        watching.expect("http://127.0.0.1:[0-9]+/operations/job-1")
        watching.expect("step [0-9]")
        watching.sendintr()
        for hint in ("watch", "abort", "show"):
            watching.expect(f"quire jobs {hint} job-1")
        watching.expect(pexpect.EOF)
        watching.wait()
        assert watching.exitstatus == 130


def test_a_bar_is_drawn_to_its_end() -> None:
    with quire("jobs", "submit", "wait", "-p", "STEPS=3", "--wait") as watching:
        watching.expect("100 %")
        watching.expect("done")
        watching.expect(pexpect.EOF)
        watching.wait()
        assert watching.exitstatus == 0


def drawn(*events: ProgressEvent) -> str:
    console = Console(file=io.StringIO(), record=True, width=100, force_terminal=True)
    with progress_bars(console) as progress:
        bar = Bar(progress, "job")
        for number, event in enumerate(events):
            bar.show(Told(id=number, event=event))
    return console.export_text()


def told(kind: ProgressType, message: str, done: int | None = None) -> ProgressEvent:
    return ProgressEvent(type=kind, message=message, progress=done)


def test_a_bar_never_runs_backwards() -> None:
    shown = drawn(
        told(ProgressType.INFO, "far", 60), told(ProgressType.INFO, "again", 20)
    )
    assert "60 %" in shown
    assert "20 %" not in shown


def test_without_a_figure_there_is_no_percentage() -> None:
    assert "%" not in drawn(told(ProgressType.INFO, "working"))


def test_a_failure_stays_on_the_screen() -> None:
    shown = drawn(
        told(ProgressType.INFO, "far", 60), told(ProgressType.FAILED, "disk on fire")
    )
    assert "60 % 0:00 disk on fire" in shown
    assert "100 %" not in shown
