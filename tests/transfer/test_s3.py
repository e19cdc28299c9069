import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from minio import Minio
from tests.engines.object_store import object_store
from tests.transfer.serving import Store, serving

from quire.ports.transfer import TransferProblem
from quire.products.receivers import S3Receiver
from quire.transfer.s3 import S3Delivery, S3Transfer
from quire.transfer.signing import Credentials, Signer

CONTENT = os.urandom(1_500_000)


@pytest.fixture
def store() -> Iterator[Store]:
    with serving() as found:
        yield found


def credentials(url: str) -> Credentials:
    return Credentials(endpoint=url, access_key="AKID", secret_key="very secret")  # noqa: S106


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
@pytest.mark.parametrize("key", ["a.fits", "2026/11/T:01:02 +=.fits"])
def test_another_client_signs_alike(method: str, key: str) -> None:
    at = datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)
    other = Minio(
        "store.example:9000",
        access_key="AKID",
        secret_key="very secret",  # noqa: S106
        region="us-east-1",
        secure=False,
    )

    ours = Signer(credentials("http://store.example:9000"), now=lambda: at)
    one = urlsplit(ours.address(method, f"s3://bucket/{key}"))
    two = urlsplit(
        other.get_presigned_url(
            method,
            bucket_name="bucket",
            object_name=key,
            expires=timedelta(hours=1),
            request_date=at,
        )
    )

    assert (one.scheme, one.netloc, one.path) == (two.scheme, two.netloc, two.path)
    assert parse_qs(one.query) == parse_qs(two.query)


def test_it_fetches_by_signed_addresses(store: Store, tmp_path: Path) -> None:
    store.files["/bucket/raw/a.fits"] = CONTENT
    store.cut = 1
    transfer = S3Transfer(["s3://bucket/raw"], credentials(store.url))

    assert not transfer.takes("s3://bucket/other/a.fits")
    assert not transfer.takes("s3://other/raw/a.fits")
    fetched = transfer.fetch(
        "s3://bucket/raw/a.fits",
        tmp_path / "a",
        private=True,
        proceed=lambda _: None,
    )

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert transfer.stamp("s3://bucket/raw/a.fits") == fetched.stamp
    assert all("X-Amz-Signature=" in query for query in store.queries)


def test_it_delivers(store: Store, tmp_path: Path) -> None:
    product = tmp_path / "a.part"
    product.write_bytes(CONTENT)
    delivery = S3Delivery(["s3://bucket/in"], credentials(store.url))
    receiver = S3Receiver(location="s3://bucket/in/")
    moved: list[int] = []

    assert delivery.takes(receiver)
    assert not delivery.takes(S3Receiver(location="s3://bucket/out"))
    delivery.deliver(receiver, product, "a.fits", proceed=moved.append)
    delivery.deliver(receiver, product, "a.fits", proceed=moved.append)

    assert store.files == {"/bucket/in/a.fits": CONTENT}
    assert sum(moved) == 2 * len(CONTENT)


def test_a_store_that_refuses_is_told(store: Store, tmp_path: Path) -> None:
    store.busy = 1
    (tmp_path / "a").write_bytes(CONTENT)
    delivery = S3Delivery(["s3://bucket/in"], credentials(store.url))

    with pytest.raises(TransferProblem, match="answers 503"):
        delivery.deliver(
            S3Receiver(location="s3://bucket/in"),
            tmp_path / "a",
            "a.fits",
            proceed=lambda _: None,
        )


def test_an_object_store_takes_it_and_gives_it_back(tmp_path: Path) -> None:
    product = tmp_path / "a.part"
    product.write_bytes(CONTENT)
    name = "2026/11/T:01:02 +=.fits"
    with object_store() as (known, bucket):
        place = f"s3://{bucket}/in"
        delivery, transfer = S3Delivery([place], known), S3Transfer([place], known)
        receiver = S3Receiver(location=place)
        delivery.deliver(receiver, product, name, proceed=lambda _: None)
        there = tmp_path / "b"
        there.write_bytes(CONTENT[: len(CONTENT) // 2])  # what an earlier try has left
        stamp = transfer.stamp(f"{place}/{name}")
        (tmp_path / ".b.stamp").write_text(stamp)
        fetched = transfer.fetch(
            f"{place}/{name}", there, private=True, proceed=lambda _: None
        )
        size = transfer.size(f"{place}/{name}")
        with pytest.raises(TransferProblem, match="no such file"):
            transfer.stamp(f"{place}/missing.fits")

    assert there.read_bytes() == CONTENT
    assert fetched.stamp == stamp
    assert size == len(CONTENT)
