"""Judges that share no code with the merger."""

import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from quire.testing.not_proved import not_proved


def astropy_finds_no_fault(product: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", AstropyWarning)
        with product.open("rb") as stream, fits.open(stream, checksum=True) as opened:
            hdus: Any = opened
            hdus.verify("exception")
            for hdu in hdus:
                assert "CHECKSUM" in hdu.header
                assert "DATASUM" in hdu.header
                _ = hdu.data


def fitsverify_finds_no_fault(product: Path) -> None:
    program = shutil.which("fitsverify")
    if program is None:
        why, mend = "it is not installed", "apt install fitsverify (Debian)"
        pytest.skip(not_proved("fitsverify's verdict", why=why, mend=mend))
    said = subprocess.run(
        [program, product], capture_output=True, text=True, check=False
    )
    assert "0 warning(s) and 0 error(s)" in said.stdout, said.stdout


def independent_merge(
    sources: list[Path], path: Path, *, target: Path | None = None
) -> Path:
    """Merge the extensions with astropy, for comparison; keywords are left alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hdus: list[Any] = [fits.PrimaryHDU()]
        for source in ([target] if target else []) + sources:
            with source.open("rb") as stream, fits.open(stream) as opened:
                if source == target:
                    hdus = [fits.PrimaryHDU(np.array(opened[0].data))]
                hdus += [hdu.copy() for hdu in opened[1:]]
        with path.open("wb") as written:
            fits.HDUList(hdus).writeto(written, checksum=True)
    return path


def same_extensions(product: Path, other: Path) -> None:
    """Compare everything but primary keywords, as `fitsdiff` does."""
    with product.open("rb") as one, other.open("rb") as two:
        # astropy's CHECKSUM covers the second at which it was written.
        difference = fits.FITSDiff(
            fits.open(one),
            fits.open(two),
            ignore_comments=["*"],
            ignore_keywords=["CHECKSUM"],
        )
        differing = [
            number
            for number, hdu, *_ in difference.diff_hdus
            if number > 0 or not (hdu.diff_data is None or hdu.diff_data.identical)
        ]
        assert difference.diff_hdu_count == ()
        assert differing == [], difference.report()


def independent_keywords(given: dict[str, Any], sources: list[Path]) -> dict[str, Any]:
    """Return what astropy reads as the product's own keywords, the first word winning.

    Parameters
    ----------
    given
        Those of the specification, which come before all others.
    """
    structure = {
        "SIMPLE",
        "BITPIX",
        "NAXIS",
        "EXTEND",
        "CHECKSUM",
        "DATASUM",
        "COMMENT",
    }
    found = dict(given)
    for source in sources:
        with source.open("rb") as stream, fits.open(stream) as opened:
            for name, value in opened[0].header.items():
                if name not in structure:
                    found.setdefault(name, value)
    return found


def same_keywords(product: Path, expected: dict[str, Any]) -> None:
    """Compare the primary header's keywords with those that are expected."""
    own = {"DATE", "ARCFILE", "ORIGFILE"}
    with product.open("rb") as stream, fits.open(stream) as opened:
        header = opened[0].header
        assert own <= set(header)
        assert header["ARCFILE"] == product.name
    assert independent_keywords({}, [product]) == {
        **expected,
        **{name: header[name] for name in own},
    }
