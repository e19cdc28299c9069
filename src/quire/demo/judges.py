"""Judges of a FITS product: its manifest, and two that share no code with the merger."""

import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import msgspec
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge says.

    Attributes
    ----------
    good
        None if the judge could not be asked.
    """

    judge: str
    good: bool | None
    words: str


def ask_manifest(product: Path) -> Verdict:
    """Compare the product with its manifest, by `quire product verify`."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "quire", "product", "verify", str(product)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join((done.stdout.strip() or done.stderr.strip()).split())
    return Verdict(judge="manifest", good=done.returncode == 0, words=said)


def ask_astropy(product: Path) -> Verdict:
    """Check every CHECKSUM and DATASUM, verify every header and read all data."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", AstropyWarning)
            # Our own file object: astropy leaves its own open when a check fails.
            with (
                product.open("rb") as stream,
                fits.open(stream, checksum=True, memmap=False) as opened,
            ):
                hdus: Any = opened
                hdus.verify("exception")
                for hdu in hdus:
                    _require_checksum(hdu.header)
                    _ = hdu.data
                return Verdict(judge="astropy", good=True, words=f"{len(hdus)} HDUs")
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        Warning,
        fits.VerifyError,
    ) as error:
        return Verdict(judge="astropy", good=False, words=str(error))


def _require_checksum(header: fits.Header) -> None:
    for keyword in ("CHECKSUM", "DATASUM"):
        if keyword not in header:
            raise ValueError(
                f"{keyword} is missing in {header.get('EXTNAME', 'PRIMARY')}"
            )


def ask_fitsverify(product: Path) -> Verdict:
    """Run HEASARC's fitsverify if it is installed; its warnings count as failure."""
    program = shutil.which("fitsverify")
    if program is None:
        return Verdict(
            judge="fitsverify",
            good=None,
            words="not installed (Debian: apt install fitsverify)",
        )
    done = subprocess.run(  # noqa: S603 - found on PATH on purpose
        [program, "-q", str(product)], capture_output=True, text=True, check=False
    )
    said = done.stdout.strip() or done.stderr.strip()
    good = done.returncode == 0 and said.startswith("verification OK")
    return Verdict(judge="fitsverify", good=good, words=said)
