"""Stores whose certificate a site's own authority has signed."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.dask.test_tls import authority
from tests.transfer.serving import Store, serving

from quire.ports.transfer import NotReached, TransferProblem
from quire.products.receivers import S3Receiver
from quire.transfer.carrier import S3Carrier
from quire.transfer.http import HttpTransfer
from quire.transfer.s3 import S3Delivery
from quire.transfer.signing import Credentials


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return authority(tmp_path / "authority")[0]


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(root.with_name("own.pem"), root.with_name("own.key"))
    with serving(context) as found:
        found.files["/raw/a.fits"] = b"a" * 1000
        yield found


def test_a_source_is_believed_whom_the_site_vouches_for(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = HttpTransfer([store.url])
    place = f"{store.url}/raw/a.fits"
    with pytest.raises(NotReached, match=r"(?i)certificate"):
        transfer.size(place)
    monkeypatch.setenv("SSL_CERT_FILE", str(root.with_name("own.key")))
    with pytest.raises(TransferProblem, match=r"a\.fits: SSL_CERT_FILE: .*own\.key"):
        transfer.size(place)
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    assert transfer.size(place) == 1000
    assert transfer.stamp(place)


def test_an_object_store_is_believed_whom_the_site_vouches_for(
    store: Store, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Credentials(
        endpoint=store.url,
        access_key="AKID",
        secret_key="very secret",  # noqa: S106
    )
    delivery = S3Delivery(["s3://bucket"], known)
    receiver = S3Receiver(location="s3://bucket/in")
    product = tmp_path / "a.part"
    product.write_bytes(b"product")

    def deliver() -> None:
        delivery.deliver(receiver, product, "a.fits", proceed=lambda _: None)

    with pytest.raises(TransferProblem, match=r"(?i)certificate"):
        deliver()
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    deliver()
    carrier = S3Carrier("s3://bucket/in", known)
    carrier.fetch("a.fits", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"product"
    carrier.drop("a.fits")
    assert "/bucket/in/a.fits" not in store.files
