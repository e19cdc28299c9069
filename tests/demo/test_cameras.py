from datetime import UTC, datetime
from pathlib import Path

import pytest
from astropy.io import fits

from quire.demo.cameras import Camera, Pointing, cameras, expose, expose_all
from quire.demo.judges import ask_astropy, ask_fitsverify

POINTING = Pointing(
    target="NGC 1365", right_ascension=53.4, declination=-36.1, exposure=2.0
)
MOMENT = datetime(2026, 11, 1, 2, 3, 4, 567000, tzinfo=UTC)
SMALL = Camera(
    arm="guide",
    filter_name="free",
    detectors=1,
    side=64,
    pixel_type="uint16",
    star_table=True,
)


def test_every_camera_writes_a_file_that_the_judges_accept(tmp_path: Path) -> None:
    files = expose_all(cameras(), POINTING, tmp_path, seed=1)

    assert len(files) == 3
    for path in files:
        assert ask_astropy(path).good is True, ask_astropy(path)
        assert ask_fitsverify(path).good in {True, None}, ask_fitsverify(path)
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert sum(path.stat().st_size for path in files) > 10_000_000


def test_keywords_say_what_was_observed(tmp_path: Path) -> None:
    header = fits.getheader(expose(SMALL, POINTING, tmp_path, moment=MOMENT, seed=1))

    assert header["INSTRUME"] == "TRICAM"
    assert header["DATE-OBS"] == "2026-11-01T02:03:04.567"
    assert (header["RA"], header["DEC"], header["EXPTIME"]) == (53.4, -36.1, 2.0)
    assert header["HIERARCH ESO INS GUIDE FILT NAME"] == "free"


def test_one_has_images_and_a_binary_table(tmp_path: Path) -> None:
    with fits.open(expose(SMALL, POINTING, tmp_path, moment=MOMENT, seed=1)) as hdus:
        assert [type(hdu).__name__ for hdu in hdus] == [
            "PrimaryHDU",
            "ImageHDU",
            "BinTableHDU",
        ]
        assert len(hdus["STARS"].data) == 60
    assert [camera.star_table for camera in cameras()].count(True) == 1


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    once = expose(SMALL, POINTING, tmp_path / "a", moment=MOMENT, seed=5)
    again = expose(SMALL, POINTING, tmp_path / "b", moment=MOMENT, seed=5)
    other = expose(SMALL, POINTING, tmp_path / "c", moment=MOMENT, seed=6)

    data = [fits.getdata(path, 1).tobytes() for path in (once, again, other)]
    assert data[0] == data[1] != data[2]


@pytest.mark.parametrize("place", [3000, 6000, 9000, -100])
def test_the_judges_see_one_changed_byte(tmp_path: Path, place: int) -> None:
    path = expose(SMALL, POINTING, tmp_path, moment=MOMENT, seed=1)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x01
    path.write_bytes(content)

    assert ask_astropy(path).good is False or ask_fitsverify(path).good is False


def test_astropy_misses_no_missing_checksum(tmp_path: Path) -> None:
    path = tmp_path / "plain.fits"
    fits.PrimaryHDU().writeto(path)

    verdict = ask_astropy(path)

    assert verdict.good is False
    assert "CHECKSUM" in verdict.words
