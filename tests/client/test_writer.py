import json
import shutil
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.client.serving import HERE, Server

import quire
from quire.client.connection import Connection
from quire.client.errors import Refused
from quire.client.section import Section
from quire.client.writer import drain
from quire.errors import InputError
from quire.testing.strangers import stranger
from quire.testing.waiting import until

PROGRAM = HERE / "writing_program.py"


def event(uid: str, **more: Any) -> dict[str, Any]:
    return {"uid": uid, "seq_num": 1, "data": {"x": 1.0}, **more}


def program(what: str, spool: Path, count: int, uid: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, str(PROGRAM), what, str(spool), str(count), uid]
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def spooled(spool: Path) -> list[Any]:
    lines: list[bytes] = []
    for file in sorted(spool.glob("*/*.ndjson")):
        lines += file.read_bytes().partition(b"\0")[0].splitlines()
    return [json.loads(line) for line in lines]


def test_sends_to_the_local_server(running: Server) -> None:
    with quire.writer() as writer:
        writer("start", {"uid": "run-1", "time": 1.0})
        writer("event", event("event-1", x=np.float64(2)))
        assert writer.flush(20.0)
    assert running.known()["uids"] == ["run-1", "event-1"]
    assert writer.status.sent == 2


@pytest.mark.crash
def test_a_document_is_in_the_spool_once_the_call_returns(home: Path) -> None:
    with program("kill", home / "spool", 25, "a") as child:
        child.communicate()
    assert child.returncode == -9
    uids = [doc["uid"] for _name, doc in spooled(home / "spool")]
    assert uids == [f"a-{number}" for number in range(25)]


@pytest.mark.crash
def test_a_dead_process_s_documents_are_adopted(server: Server, home: Path) -> None:
    with program("kill", home / "spool", 25, "a") as child:
        child.communicate()
    server.start()
    with quire.writer(spool=home / "spool") as writer:
        assert writer.status.waiting == 25
        assert writer.flush(20.0)
    assert len(server.known()["uids"]) == 25
    assert spooled(home / "spool") == []


@pytest.mark.crash
def test_a_spool_is_drained_at_once_or_not_at_all(server: Server, home: Path) -> None:
    with program("kill", home / "spool", 25, "a") as child:
        child.communicate()
    server.start()
    address = server.url, server.token
    for wrong in ((server.url, "no token of it"), ("http://127.0.0.1:9", "x")):
        # An hour is what it may take; trouble ends it.
        status = drain(Connection(*wrong), home / "spool", 3600.0)
        assert (status.sent, status.waiting) == (0, 25)
    with pytest.raises(InputError, match="is no folder"):
        drain(Connection(*address), home / "spol")
    assert not (home / "spol").exists()
    status = drain(Connection(*address), home / "spool")
    assert (status.sent, status.waiting) == (25, 0)


def test_what_many_sessions_left_is_taken_with_few_open_files(
    server: Server, home: Path
) -> None:
    for number in range(100):
        left = home / "spool" / f"2026-{number:03}"
        left.mkdir(parents=True)
        (left / "lock").touch()
        line = json.dumps(["event", event(f"a-{number}")])
        (left / "00000001.ndjson").write_text(f"{line}\n")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with quire.writer(spool=home / "spool") as writer:
        assert writer.status.waiting == 100
        assert len(list(Path("/proc/self/fd").iterdir())) < before + 20
        server.start()
        assert writer.flush(30.0)
    assert len(server.known()["uids"]) == 100
    assert list((home / "spool").iterdir()) == []


def test_what_waits_for_long_keeps_few_files_open(tmp_path: Path) -> None:
    section = Section.create(tmp_path / "section")
    before = len(list(Path("/proc/self/fd").iterdir()))
    lines = [b"%d" % number * (9 * 2**20) + b"\n" for number in range(8)]
    for line in lines:  # no two of them fit into one segment
        section.append(line)
    section.prepare()
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 12
    for line in lines:
        found = section.batch(2**20)
        assert found is not None
        assert found[1] == line
        found[0].acknowledge(len(line))
    section.close()
    assert not (tmp_path / "section").exists()


def test_what_cannot_be_read_is_told_and_holds_up_nothing(
    running: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = home / "spool" / "2026-000"
    (odd / "00000001.ndjson").mkdir(parents=True)
    (odd / "lock").touch()
    with quire.writer(spool=home / "spool") as writer:
        writer("event", event("one"))
        assert writer.flush(20.0)
    told = capfd.readouterr().err
    assert told.count(f"{odd} cannot be read: Is a directory") == 1
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        drain(Connection(running.url, running.token), home / "spool")


@pytest.mark.crash
def test_a_torn_last_line_costs_nothing_else(server: Server, home: Path) -> None:
    with program("kill", home / "spool", 3, "a") as child:
        child.communicate()
    (file,) = (home / "spool").glob("*/*.ndjson")
    content = file.read_bytes().rstrip(b"\0")
    file.write_bytes(content + b'["event",{"uid":"torn')
    server.start()
    with quire.writer(spool=home / "spool") as writer:
        assert writer.flush(20.0)
    assert server.known()["uids"] == ["a-0", "a-1", "a-2"]


def test_a_live_writer_s_documents_are_its_own(server: Server, home: Path) -> None:
    with program("hang", home / "spool", 5, "a") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        with quire.writer(spool=home / "spool") as writer:
            writer("event", event("mine"))
            assert writer.status.waiting == 1
            server.start()
            assert writer.flush(20.0)
            until(lambda: len(server.known()["uids"]) == 6)
        assert server.known()["received"] == 6
        child.kill()


@pytest.mark.crash
def test_a_server_that_dies_and_comes_back_elsewhere(running: Server) -> None:
    uids = [str(uuid.uuid4()) for _ in range(600)]
    former = running.url
    with quire.writer() as writer:
        for number, uid in enumerate(uids):
            if number == 200:
                running.kill()
            if number == 400:
                running.start()
            writer("event", event(uid))
        assert writer.flush(30.0)
    assert running.url != former
    assert sorted(running.known()["uids"]) == sorted(uids)
    assert writer.status.sent == len(uids)


def test_what_is_unsent_at_exit_goes_out_with_the_next(
    server: Server, home: Path
) -> None:
    with program("exit", home / "spool", 7, "a") as child:
        _out, told = child.communicate()
    assert child.returncode == 0
    assert told.count("documents wait in") == 1
    assert told.count(f"7 documents are left in {home / 'spool'}, for the next") == 1
    server.start()
    with quire.writer(spool=home / "spool") as writer:
        assert writer.flush(20.0)
    assert len(server.known()["uids"]) == 7


def test_refused_documents_are_kept_and_block_nothing(
    running: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with quire.writer(spool=home / "spool") as writer:
        writer("start", {"uid": "bad", "note": float("nan")})
        writer("event", event("good"))
        assert writer.flush(20.0)
    assert (writer.status.sent, writer.status.refused) == (1, 1)
    assert running.known()["uids"] == ["good"]
    (kept,) = (home / "spool" / "refused").glob("*.json")
    told = json.loads(kept.read_text())
    assert (told["field"], told["reason"]) == ("/time", "is required")
    assert told["item"][1]["uid"] == "bad"
    assert capfd.readouterr().err.count("start bad: /time: is required") == 1


@pytest.mark.usefixtures("running")
def test_what_has_no_uid_is_the_server_s_to_refuse_and_not_lost(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with quire.writer(spool=home / "spool") as writer:
        writer("start", {"note": "nobody's"})
        writer("stop", {})
        writer("start", None)
        assert writer.flush(20.0)
    status = writer.status
    assert (status.sent + status.refused, status.lost) == (3, 0)
    assert "is lost" not in capfd.readouterr().err


def test_who_is_no_quire_is_told_as_such() -> None:
    with stranger(200) as url:
        connection = Connection(url, "token")
        with pytest.raises(Refused, match="is no Quire"):
            connection.post("/api/v1/runs/count", {})
        connection.close()


@pytest.mark.parametrize("status", [200, 301, 400, 422, 502])
def test_who_is_no_quire_refuses_no_document(
    status: int, server: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        stranger(status) as url,
        quire.writer(url, "token", home / "spool") as writer,
    ):
        writer("event", event("one"))
        writer("event", event("two"))
        assert not writer.close(60.0, despite_trouble=False)
        assert (writer.status.waiting, writer.status.refused) == (2, 0)
        assert f"{url} answers {status}: <html>" in capfd.readouterr().err
    server.start()
    status_of = drain(Connection(server.url, server.token), home / "spool")
    assert (status_of.sent, status_of.refused) == (2, 0)


def test_a_batch_too_large_for_the_server_is_divided(
    server: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with quire.writer(spool=home / "spool") as writer:
        for number in range(3):
            writer("event", event(f"small-{number}"))
        writer("event", event("huge", pad="x" * (5 * 2**20)))
        writer("event", event("last"))
        server.start()
        assert writer.flush(30.0)
    assert (writer.status.sent, writer.status.refused) == (4, 1)
    assert "huge" not in server.known()["uids"]
    assert "refused event huge: " in capfd.readouterr().err


def test_a_wrong_token_keeps_the_documents(
    running: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = quire.writer(running.url, "qt-wrong", spool=home / "spool")
    wrong("event", event("one"))
    until(lambda: "who is it?" in capfd.readouterr().err)
    assert not wrong.close(timeout=0.1)
    with quire.writer(spool=home / "spool") as writer:
        assert writer.flush(20.0)
    assert running.known()["uids"] == ["one"]


@pytest.mark.crash
def test_a_full_disk_does_not_reach_the_plan(running: Server, home: Path) -> None:
    # 300 documents of 550 bytes; the file may hold 64 KiB.
    with program("full", home / "spool", 300, "a") as child:
        out, told = child.communicate()
    assert child.returncode == 0, told
    assert "sent=300" in out
    assert "lost=0" in out
    assert told.count("cannot spool") == 1
    assert len(running.known()["uids"]) == 300


def test_a_disk_that_is_full_from_the_first_does_not_keep_a_writer_from_beginning(
    running: Server, home: Path
) -> None:
    with program("none", home / "spool", 30, "a") as child:
        out, told = child.communicate()
    assert child.returncode == 0, told
    assert "sent=30" in out
    assert len(running.known()["uids"]) == 30


def test_a_spool_that_is_deleted_is_told_and_costs_nothing_while_the_server_is_there(
    server: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with quire.writer(spool=home / "spool") as writer:
        writer("event", event("before"))
        shutil.rmtree(home / "spool")
        writer("event", event("behind"))
        assert "cannot spool to" in capfd.readouterr().err
        server.start()
        assert writer.flush(20.0)
    assert sorted(server.known()["uids"]) == ["before", "behind"]
    assert writer.status.lost == 0


def test_what_a_full_disk_kept_in_memory_is_spooled_once_it_has_room(
    server: Server, home: Path
) -> None:
    with program("brief", home / "spool", 300, "a") as child:
        _out, told = child.communicate()
    assert child.returncode == 0, told
    assert "lost" not in told
    server.start()
    with quire.writer(spool=home / "spool") as writer:
        assert writer.flush(20.0)
    assert len(server.known()["uids"]) == 300


def test_what_ends_with_the_process_is_told_as_lost(home: Path) -> None:
    with program("tight", home / "spool", 1000, "a") as child:
        _out, told = child.communicate()
    assert "documents are lost: they were in memory" in told


def test_what_was_closed_unsent_is_counted_once(
    server: Server, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    writer = quire.writer(spool=home / "spool")
    writer("event", event("before"))
    assert not writer.close(60.0, despite_trouble=False)
    assert (writer.status.waiting, writer.flush()) == (1, False)
    assert "no running server" in writer.status.trouble
    assert writer.status.since is not None
    writer("event", event("after"))
    assert writer.status.waiting == 2
    server.start()
    assert writer.flush(20.0)
    assert writer.close()
    assert (writer.status.sent, writer.status.waiting) == (2, 0)
    assert (writer.status.trouble, writer.status.since) == ("", None)
    assert "the server takes documents again" in capfd.readouterr().err


def test_a_forked_child_writes_a_section_of_its_own(
    running: Server, home: Path
) -> None:
    with program("fork", home / "spool", 40, "a") as child:
        _out, told = child.communicate()
    assert child.returncode == 0, told
    assert len(running.known()["uids"]) == 40


@pytest.mark.crash
def test_what_a_dead_parent_left_is_not_held_by_its_child(home: Path) -> None:
    spool = home / "spool"
    words = [sys.executable, str(PROGRAM), "orphan", str(spool), "5", "a"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.wait()
        while parent.stdout.readline() not in (b"alone\n", b""):
            pass
        writer = quire.writer(spool=spool)
        waiting = writer.status.waiting
        writer.close(60.0, despite_trouble=False)
        parent.stdin.close()
        parent.stdout.read()  # as long as the child lives
    assert waiting == 5


def test_sending_loads_no_module(running: Server, home: Path) -> None:
    """A child forked while the sender loads one could never load it: it would hang."""
    with program("modules", home / "spool", 2, "a") as child:
        out, told = child.communicate()
    assert child.returncode == 0, told
    assert out.splitlines()[1:] == []
    assert running.known()["uids"] == ["a-0", "a-1"]


def test_a_forked_child_does_not_wait_for_what_is_its_parent_s(home: Path) -> None:
    with program("idle", home / "spool", 5, "a") as child:
        out, told = child.communicate()
    assert child.returncode == 0, told
    assert out.splitlines()[-1] == "True 0"


def test_threads_may_write_at_once(running: Server) -> None:
    def write(thread: int) -> None:
        for number in range(50):
            writer("event", event(f"{thread}-{number}"))

    with quire.writer() as writer:
        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert writer.flush(20.0)
    assert len(running.known()["uids"]) == 200


def test_what_comes_while_the_writer_is_closed_is_not_lost(
    running: Server, home: Path
) -> None:
    ended = threading.Event()

    def write(thread: int) -> None:
        while not ended.is_set():
            counts[thread] += 1
            writer("event", event(f"{thread}-{counts[thread]}"))

    counts = dict.fromkeys(range(4), 0)
    writer = quire.writer(spool=home / "spool")
    threads = [threading.Thread(target=write, args=(n,)) for n in counts]
    for thread in threads:
        thread.start()
    for _ in range(20):
        writer.close(0.0)
    ended.set()
    for thread in threads:
        thread.join()
    assert writer.flush(30.0)
    status, total = writer.status, sum(counts.values())
    assert (status.sent, status.waiting, status.lost) == (total, 0, 0)
    writer.close()
    assert len(running.known()["uids"]) == total


def test_segments_rotate_and_are_deleted(running: Server, home: Path) -> None:
    with quire.writer(spool=home / "spool") as writer:
        for number in range(24):
            writer("event", event(f"{number}", pad="x" * 2**20))
        assert writer.flush(60.0)
        until(lambda: len(list((home / "spool").glob("*/*.ndjson"))) <= 2)
    assert len(running.known()["uids"]) == 24
    assert [entry.name for entry in (home / "spool").iterdir()] == []


def test_a_document_after_the_end_opens_the_writer_again(running: Server) -> None:
    writer = quire.writer()
    writer("event", event("before"))
    assert writer.close()
    writer("event", event("after"))
    assert writer.close()
    assert running.known()["uids"] == ["before", "after"]


def test_an_unusable_spool_is_told_at_once(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(InputError, match="name a folder"):
        quire.writer(spool=home / "file")


def test_nothing_that_a_device_says_reaches_the_plan(
    running: Server, home: Path
) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    endless: list[Any] = []
    endless.append(endless)
    odd = [
        Odd(),
        {1, 2},
        b"\xff",
        endless,
        {(1, 2): 3},
        np.arange(3),
        10**5000,
        "\ud800",
    ]
    with quire.writer(spool=home / "spool") as writer:
        for number, value in enumerate(odd):
            writer("event", event(f"odd-{number}", value=value))
        writer(7, None)
        assert writer.flush(20.0)
    assert len(running.known()["uids"]) >= len(odd)
    assert writer.status.lost == 0
