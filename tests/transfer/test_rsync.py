"""rsync itself may be missing: then a program that takes the same command line is run.

It stands for the other end alone; that a real rsync and ssh accept these arguments is
tested where they are installed.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from quire.ports.transfer import TransferProblem
from quire.products.receivers import RsyncReceiver
from quire.testing.not_proved import not_proved
from quire.transfer.rsync import Rsync, RsyncDelivery, RsyncTransfer

CONTENT = os.urandom(50_000)
STAND_IN = """#!{python}
import os, shutil, sys
words = sys.argv[1:]
places = words[words.index("--") + 1:]
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
places = [place.partition(":")[2] if place.startswith("instr:") else place
          for place in places]
if "--stderr=client" in words and os.path.exists({log!r} + ".old"):
    print("rsync: --stderr=client: unknown option", file=sys.stderr)
    sys.exit(1)
if os.path.exists({log!r} + ".busy"):
    os.unlink({log!r} + ".busy")
    sys.exit(12)
if not os.path.exists(places[0]):
    print("rsync: link_stat failed: No such file or directory (2)", file=sys.stderr)
    sys.exit(23)
if "--list-only" in words:
    seen = os.stat(places[0])
    print(seen.st_size, seen.st_mtime_ns)
else:
    shutil.copy2(places[0], places[1])
"""


@pytest.fixture
def rsync(tmp_path: Path) -> Rsync:
    program = tmp_path / "rsync"
    log = str(tmp_path / "log")
    program.write_text(STAND_IN.format(python=sys.executable, log=log))
    program.chmod(0o700)
    return Rsync(["instr"], program=str(program))


def nothing(_: int) -> None:
    pass


def test_it_fetches_and_delivers(tmp_path: Path, rsync: Rsync) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    location = f"instr:{tmp_path}/a"
    transfer = RsyncTransfer(rsync)

    fetched = transfer.fetch(location, tmp_path / "b", private=True, proceed=nothing)

    assert (tmp_path / "b").read_bytes() == CONTENT
    assert fetched.stamp == transfer.stamp(location)
    (tmp_path / "in").mkdir()
    receiver = RsyncReceiver(host="instr", path=str(tmp_path / "in"))
    RsyncDelivery(rsync).deliver(receiver, tmp_path / "b", "c.fits", proceed=nothing)
    assert (tmp_path / "in" / "c.fits").read_bytes() == CONTENT
    for line in (tmp_path / "log").read_text().splitlines():
        assert "--secluded-args" in line
        assert "--rsh=ssh -o BatchMode=yes" in line


def test_an_rsync_before_3_2_3_does(tmp_path: Path, rsync: Rsync) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "log.old").touch()
    transfer = RsyncTransfer(rsync)
    transfer.fetch(f"instr:{tmp_path}/a", tmp_path / "b", private=True, proceed=nothing)
    assert (tmp_path / "b").read_bytes() == CONTENT
    lines = (tmp_path / "log").read_text().splitlines()
    assert ["--stderr=client" in line for line in lines] == [True, *[False] * 3]


def test_a_broken_line_is_tried_again(tmp_path: Path, rsync: Rsync) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "log.busy").touch()

    RsyncTransfer(rsync).fetch(
        f"instr:{tmp_path}/a", tmp_path / "b", private=True, proceed=nothing
    )

    assert (tmp_path / "b").read_bytes() == CONTENT


def test_what_is_missing_is_told(tmp_path: Path, rsync: Rsync) -> None:
    with pytest.raises(TransferProblem, match="No such file") as caught:
        RsyncTransfer(rsync).stamp(f"instr:{tmp_path}/missing")
    assert caught.value.mend == "put the file there, then retry"


def test_only_listed_hosts_are_taken(rsync: Rsync) -> None:
    transfer, delivery = RsyncTransfer(rsync), RsyncDelivery(rsync)

    assert transfer.takes("instr:/a")
    for location in ("other:/a", "/a", "instr:a", "instr::module/a", "instr://a", "a"):
        assert not transfer.takes(location)
    assert delivery.takes(RsyncReceiver(host="instr", path="/in"))
    assert not delivery.takes(RsyncReceiver(host="other", path="/in"))


def test_an_abort_ends_the_program(tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    pid = tmp_path / "pid"
    slow.write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 600\n")
    slow.chmod(0o700)

    def stop(_: int) -> None:
        if pid.exists() and pid.read_text().strip():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rsync(["instr"], program=str(slow)).run("instr:/a", proceed=stop)
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_a_real_rsync_takes_these_arguments(tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        why, mend = "it is not installed", "apt install rsync (Debian)"
        pytest.skip(not_proved("a real rsync", why=why, mend=mend))
    (tmp_path / "a").write_bytes(CONTENT)
    # A shell that runs what it is asked here, as ssh would there.
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    shell.chmod(0o700)
    transfer = RsyncTransfer(Rsync(["instr"], shell=str(shell)))

    transfer.fetch(f"instr:{tmp_path}/a", tmp_path / "b", private=True, proceed=nothing)

    assert (tmp_path / "b").read_bytes() == CONTENT
