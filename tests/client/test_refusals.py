"""What is refused while the spool's disk takes nothing."""

from pathlib import Path

import pytest
from tests.client.serving import Server
from tests.client.test_writer import event

import quire
from quire.client.refusals import Refusals
from quire.client.spool import Refusal, Spool
from quire.client.writer import Writer


def refusal(line: bytes) -> Refusal:
    return Refusal(line=line, name="event", uid="", field="", reason="bad")


def refuse(writer: Writer) -> None:
    """Have one refused, and another one sent."""
    writer("start", {"uid": "bad"})
    writer("event", event("good"))
    assert writer.flush(20.0)
    assert (writer.status.sent, writer.status.refused) == (1, 1)


@pytest.fixture
def spool(home: Path) -> Path:
    """A spool in which there is no room for what is refused."""
    folder = home / "spool"
    folder.mkdir()
    (folder / "refused").write_text("a file in its place")
    return folder


def test_what_is_refused_holds_up_nothing_while_it_cannot_be_kept(
    running: Server, spool: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with quire.writer(spool=spool) as writer:
        refuse(writer)
        (spool / "refused").unlink()
    assert running.known()["uids"] == ["good"]
    assert len(list((spool / "refused").glob("*.json"))) == 1
    assert "in memory until there is room" in capfd.readouterr().err


@pytest.mark.usefixtures("running")
def test_what_was_refused_and_never_kept_is_told_as_lost(
    spool: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with quire.writer(spool=spool) as writer:
        refuse(writer)
    assert writer.status.lost == 1
    assert "1 documents are lost: the server refused them" in capfd.readouterr().err


def test_memory_for_what_is_refused_is_bounded(spool: Path) -> None:
    refusals = Refusals(Spool(spool), limit=100)
    assert not refusals.keep([refusal(b"1" * 60)])
    with pytest.raises(OSError, match="No space left"):
        refusals.keep([refusal(b"2" * 60)])
    (spool / "refused").unlink()
    assert refusals.keep([refusal(b"3" * 30)])
    assert len(list((spool / "refused").glob("*.json"))) == 2
    assert refusals.clear() == 0
