"""Admission: what lies on other machines counts as well, as far as they say."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.transfer.serving import Store, serving

from quire.actions.admission import Admission
from quire.jobs.job import Job
from quire.products.storage_forecast import needed
from quire.transfer.http import HttpTransfer
from quire.transfer.local import LocalTransfer
from quire.transfer.s3 import S3Transfer
from quire.transfer.signing import Credentials


@pytest.fixture
def archive() -> Iterator[Store]:
    with serving() as found:
        yield found


def admission(folder: Path, archive: Store) -> Admission:
    keys = Credentials(endpoint=archive.url, access_key="a", secret_key="s")  # noqa: S106
    transfers = (
        LocalTransfer(),
        HttpTransfer([f"{archive.url}/raw"]),
        S3Transfer(["s3://bucket/"], keys),
    )
    return Admission(folder, transfers, keep=0)


def acquisition(*locations: str) -> Job:
    sources = [{"location": place} for place in locations]
    wanted = {"id": "A", "sources": sources, "target": {"fileId": "A"}}
    text = json.dumps(wanted)
    return Job(id="j", kind="merge", owner="me", parameters={"SPECIFICATION": text})


async def test_sources_count_wherever_they_are(tmp_path: Path, archive: Store) -> None:
    here = tmp_path / "a.fits"
    here.write_bytes(bytes(1000))
    archive.files = {"/raw/b.fits": bytes(20_000), "/bucket/c.fits": bytes(300_000)}
    job = acquisition(str(here), f"{archive.url}/raw/b.fits", "s3://bucket/c.fits")

    forecast = await admission(tmp_path, archive).forecast(job)

    assert forecast is not None
    # What comes from elsewhere lies here twice, until the product is published.
    assert forecast.needed == needed([1000, 20_000, 300_000], [20_000, 300_000])
    assert {method for method, _, _ in archive.asked} == {"HEAD"}


async def test_a_source_that_says_nothing_counts_for_nothing(
    tmp_path: Path, archive: Store
) -> None:
    archive.files = {"/raw/b.fits": bytes(20_000)}
    gone, dead = f"{archive.url}/raw/gone.fits", "http://127.0.0.1:1/raw/x.fits"
    job = acquisition(str(tmp_path / "no"), gone, dead, f"{archive.url}/raw/b.fits")

    forecast = await admission(tmp_path, archive).forecast(job)

    assert forecast is not None
    assert forecast.needed == needed([20_000], [20_000])


async def test_what_is_collected_already_needs_no_more_space(
    tmp_path: Path, archive: Store
) -> None:
    archive.files = {"/raw/b.fits": bytes(20_000), "/raw/own.fits": bytes(7000)}
    far, own = f"{archive.url}/raw/b.fits", f"{archive.url}/raw/own.fits"
    target = {"fileId": "A", "source": {"location": own}}
    wanted = {"id": "A", "sources": [{"location": far}], "target": target}
    job = msgspec.structs.replace(
        acquisition(), parameters={"SPECIFICATION": json.dumps(wanted)}
    )
    before = await admission(tmp_path, archive).forecast(job)
    done = tmp_path / "jobs" / job.id / "done"
    done.mkdir(parents=True)
    (done / "source-1.fits").write_bytes(bytes(20_000))  # 0 is the target's own

    after = await admission(tmp_path, archive).forecast(job)

    assert before is not None
    assert after is not None
    # The copy of the target's own file becomes the product.
    assert before.needed == needed([20_000, 7000], [20_000])
    assert after.needed == needed([20_000, 7000])
    (done / "A.fits.part").touch()  # merged, and not yet with its receivers
    merged = await admission(tmp_path, archive).forecast(job)
    assert merged is not None
    assert merged.needed == needed(())
