"""Whom sources come from and products go to is one name: they share its slots."""

from pathlib import Path

import pytest

from quire.products.receivers import (
    CommandReceiver,
    FolderReceiver,
    OlasReceiver,
    Receiver,
    RsyncReceiver,
    S3Receiver,
)
from quire.transfer.command import CommandDelivery
from quire.transfer.local import FolderDelivery, LocalTransfer
from quire.transfer.rsync import Rsync, RsyncDelivery, RsyncTransfer
from quire.transfer.s3 import S3Delivery, S3Transfer
from quire.transfer.signing import Credentials


@pytest.mark.parametrize(
    "receiver",
    [
        RsyncReceiver(host="far", path="/in"),
        OlasReceiver(host="far", path="/in"),
    ],
)
def test_a_host_is_the_same_both_ways(receiver: Receiver) -> None:
    rsync = Rsync(["far"])
    assert RsyncDelivery(rsync).takes(receiver)
    assert RsyncDelivery(rsync).host(receiver) == "far"
    assert RsyncTransfer(rsync).host("far:/in/a.fits") == "far"


def test_so_is_a_bucket() -> None:
    keys = Credentials(endpoint="http://s", access_key="a", secret_key="b")  # noqa: S106
    sending = S3Delivery(["s3://data/"], keys)
    receiver = S3Receiver(location="s3://data/out")
    assert sending.takes(receiver)
    assert sending.host(receiver) == "data"
    assert S3Transfer(["s3://data/"], keys).host("s3://data/raw/a.fits") == "data"


def test_this_machine_needs_no_slot() -> None:
    assert FolderDelivery().host(FolderReceiver(path="/in")) == ""
    assert FolderDelivery().host(OlasReceiver(path="/in")) == ""
    program = CommandReceiver(command="tape")
    assert CommandDelivery({"tape": ["true"]}).host(program) == ""
    assert LocalTransfer((Path("/"),)).host("/a.fits") == ""
