"""rsync through a real ssh to a real sshd."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transfer import sshd

from quire.ports.transfer import ReceiverFull, TransferProblem
from quire.products.receivers import RsyncReceiver
from quire.testing.faults.full_disk import cannot_mount, small_disk
from quire.testing.not_proved import not_proved
from quire.testing.waiting import until
from quire.transfer.rsync import Rsync, RsyncDelivery, RsyncTransfer

CONTENT = os.urandom(2_000_000)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[str]:
    if wanted := sshd.missing():
        mend = "apt install openssh-server rsync (Debian)"
        pytest.skip(not_proved("rsync over ssh", why=wanted, mend=mend))
    folder = tmp_path / "sshd"
    folder.mkdir(mode=0o700)
    with sshd.serving(folder) as command:
        yield command


@pytest.fixture
def rsync(shell: str) -> Rsync:
    return Rsync(["instr"], shell=shell, timeout=10)


def nothing(_: int) -> None:
    pass


def test_a_source_is_fetched_whatever_its_name(tmp_path: Path, rsync: Rsync) -> None:
    source = tmp_path / "T 2026-11-21T01:02:03 $(id) '.fits"
    source.write_bytes(CONTENT)
    location, transfer = f"instr:{source}", RsyncTransfer(rsync)

    fetched = transfer.fetch(location, tmp_path / "b", private=True, proceed=nothing)

    assert (tmp_path / "b").read_bytes() == CONTENT
    assert transfer.size(location) == len(CONTENT)
    assert transfer.stamp(location) == fetched.stamp
    os.utime(source, (1e9, 1e9))
    assert transfer.stamp(location) != fetched.stamp


def test_what_was_begun_is_gone_on_with(tmp_path: Path, rsync: Rsync) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "b").write_bytes(CONTENT[:700_000])
    location = f"instr:{tmp_path}/a"
    RsyncTransfer(rsync).fetch(location, tmp_path / "b", private=True, proceed=nothing)
    assert (tmp_path / "b").read_bytes() == CONTENT


def test_a_product_is_delivered_whole(tmp_path: Path, rsync: Rsync) -> None:
    (tmp_path / "in").mkdir()
    product = tmp_path / "a.fits"
    product.write_bytes(CONTENT)
    receiver = RsyncReceiver(host="instr", path=str(tmp_path / "in"))
    for _ in range(2):
        RsyncDelivery(rsync).deliver(receiver, product, "b.fits", proceed=nothing)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["b.fits"]
    assert (tmp_path / "in" / "b.fits").read_bytes() == CONTENT


def test_what_is_missing_is_told(tmp_path: Path, rsync: Rsync) -> None:
    with pytest.raises(TransferProblem) as caught:
        RsyncTransfer(rsync).stamp(f"instr:{tmp_path}/missing")
    assert caught.value.mend == "put the file there, then retry"


def test_a_host_of_another_key_is_not_believed(tmp_path: Path, rsync: Rsync) -> None:
    known = tmp_path / "sshd" / "known"
    other = (tmp_path / "sshd" / "user.pub").read_text()
    place = known.read_text().partition(" ")[0]
    known.write_text(f"{place} {other}")
    with pytest.raises(TransferProblem):
        RsyncTransfer(rsync).stamp(f"instr:{tmp_path}/a")


def test_a_disk_that_fills_up_here_is_told_as_that(
    tmp_path: Path, rsync: Rsync
) -> None:
    if reason := cannot_mount():
        mend = "run as root where a tmpfs can be mounted"
        pytest.skip(not_proved("a full disk", why=reason, mend=mend))
    (tmp_path / "a").write_bytes(CONTENT)
    with small_disk(tmp_path / "disk", 500_000) as disk:
        with pytest.raises(OSError, match="No space") as caught:
            RsyncTransfer(rsync).fetch(
                f"instr:{tmp_path}/a", disk / "b", private=True, proceed=nothing
            )
        assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(("size", "room"), [(600_000, 8192), (2_000_000, 500_000)])
def test_a_receiver_that_is_full_says_so_and_has_nothing_torn(
    tmp_path: Path, rsync: Rsync, size: int, room: int
) -> None:
    if reason := cannot_mount():
        mend = "run as root where a tmpfs can be mounted"
        pytest.skip(not_proved("a full disk", why=reason, mend=mend))
    product = tmp_path / "a.fits"
    product.write_bytes(os.urandom(size))
    with small_disk(tmp_path / "disk", room) as disk:
        receiver = RsyncReceiver(host="instr", path=str(disk))
        with pytest.raises(ReceiverFull) as caught:
            RsyncDelivery(rsync).deliver(receiver, product, "b.fits", proceed=nothing)
        assert "No space left on device" in caught.value.reason
        assert list(disk.iterdir()) == []


def test_a_delivery_that_is_stopped_leaves_nothing_torn(
    tmp_path: Path, shell: str
) -> None:
    product, folder = tmp_path / "a.fits", tmp_path / "in"
    product.write_bytes(CONTENT)
    folder.mkdir()
    slow = Rsync(["instr"], shell=shell, arguments=("--bwlimit=200",))

    def stop(_: int) -> None:
        if any(one.stat().st_size for one in folder.iterdir()):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        RsyncDelivery(slow).deliver(
            RsyncReceiver(host="instr", path=str(folder)),
            product,
            "b.fits",
            proceed=stop,
        )
    until(lambda: not list(folder.iterdir()))
