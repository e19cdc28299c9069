"""Three simulated cameras that write FITS files, as an instrument's would.

The files follow the FITS standard 4.0: an empty primary header with the instrument's
keywords (section 4.4), images as extensions (7.1), one with a binary table (7.3), all
with CHECKSUM and DATASUM (4.4.2.7). ESO's hierarchical keywords are those of its Data
Interface Control Document.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

STARS = 60
SKY = 300.0
READ_NOISE = 6.0
PEAK = 20_000.0


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """What distinguishes one camera.

    Attributes
    ----------
    arm
        Its name, in file names and keywords.
    filter_name
        The filter in its beam.
    detectors
        How many detectors it has: one image extension each.
    side
        Pixels of a detector along each axis.
    pixel_type
        ``"uint16"`` (stored with BZERO) or ``"float32"``.
    star_table
        Whether it adds a binary table of the stars that it found.
    """

    arm: str
    filter_name: str
    detectors: int
    side: int
    pixel_type: str
    star_table: bool = False


class Pointing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the telescope looks (degrees, ICRS), at what, and for how long (seconds)."""

    target: str
    right_ascension: float
    declination: float
    exposure: float


def cameras() -> tuple[Camera, ...]:
    """Return the instrument's three cameras."""
    return (
        Camera(
            arm="blue", filter_name="B", detectors=2, side=1024, pixel_type="uint16"
        ),
        Camera(
            arm="red", filter_name="R", detectors=2, side=1024, pixel_type="float32"
        ),
        Camera(
            arm="guide",
            filter_name="free",
            detectors=1,
            side=512,
            pixel_type="uint16",
            star_table=True,
        ),
    )


def expose(
    camera: Camera, pointing: Pointing, folder: Path, *, moment: datetime, seed: int
) -> Path:
    """Take an exposure and write it to `folder`, whole or not at all.

    Parameters
    ----------
    moment
        Its begin, UTC.
    seed
        Same seed, same sky and noise.

    Returns
    -------
    Path
        The file, named after the camera and the moment.
    """
    generator = np.random.default_rng([seed, *camera.arm.encode()])
    hdus: list[Any] = [fits.PrimaryHDU(header=_keywords(camera, pointing, moment))]
    for number in range(1, camera.detectors + 1):
        stars = _stars(camera.side, generator)
        hdus.append(_image(camera, number, stars, generator))
        if camera.star_table:
            hdus.append(_table(stars))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{camera.arm}.{moment:%Y-%m-%dT%H-%M-%S}.{seed % 1000:03d}.fits"
    _write_whole(fits.HDUList(hdus), path)
    return path


def _keywords(camera: Camera, pointing: Pointing, moment: datetime) -> Any:
    header = fits.Header()
    header["ORIGIN"] = ("QUIRE-DEMO", "simulated data")
    header["TELESCOP"] = ("SIM-1", "simulated telescope")
    header["INSTRUME"] = ("TRICAM", "simulated three-arm camera")
    header["OBJECT"] = (pointing.target, "target")
    header["RA"] = (pointing.right_ascension, "[deg] right ascension (ICRS)")
    header["DEC"] = (pointing.declination, "[deg] declination (ICRS)")
    header["RADESYS"] = "ICRS"
    header["EXPTIME"] = (pointing.exposure, "[s] exposure time")
    header["DATE-OBS"] = (_fits_time(moment), "begin of the exposure (UTC)")
    header["TIMESYS"] = "UTC"
    arm = camera.arm.upper()
    header["HIERARCH ESO DPR CATG"] = ("SCIENCE", "observation category")
    header["HIERARCH ESO DPR TECH"] = ("IMAGE", "observation technique")
    header[f"HIERARCH ESO INS {arm} FILT NAME"] = (camera.filter_name, "filter")
    header[f"HIERARCH ESO DET {arm} CHIPS"] = (camera.detectors, "detectors")
    header[f"HIERARCH ESO DET {arm} DIT"] = (pointing.exposure, "[s] integration")
    return header


def _fits_time(moment: datetime) -> str:
    """Return a time as the standard writes it (section 9.1.1): UTC, no offset."""
    return (
        moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    )


def _stars(side: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return x, y (pixels) and peak (counts) of each star; shape (STARS, 3)."""
    places = generator.uniform(8, side - 8, size=(STARS, 2))
    peaks = PEAK * generator.power(0.4, size=(STARS, 1))
    return np.hstack([places, peaks])


def _image(
    camera: Camera,
    number: int,
    stars: NDArray[np.float64],
    generator: np.random.Generator,
) -> Any:
    side = camera.side
    noise = generator.standard_normal((side, side), dtype=np.float32)
    pixels = np.float32(SKY) + np.float32(np.sqrt(SKY) + READ_NOISE) * noise
    for x, y, peak in stars:
        _add_star(pixels, x, y, peak)
    stored = pixels.clip(0, 65535).astype(camera.pixel_type)
    image = fits.ImageHDU(stored, name=f"{camera.arm.upper()}{number}")
    image.header["BUNIT"] = ("adu", "physical unit of the values")
    image.header["GAIN"] = (1.1, "[e-/adu] gain")
    return image


def _add_star(
    pixels: NDArray[np.float32], x: float, y: float, peak: float, *, width: float = 1.8
) -> None:
    """Add a Gaussian star (width: standard deviation in pixels) in place."""
    left, low, reach = int(x) - 7, int(y) - 7, 15
    rows, columns = np.mgrid[low : low + reach, left : left + reach]
    distance = (columns - x) ** 2 + (rows - y) ** 2
    pixels[low : low + reach, left : left + reach] += (
        peak * np.exp(-distance / (2 * width**2))
    ).astype(np.float32)


def _table(stars: NDArray[np.float64]) -> Any:
    columns = [
        fits.Column(name=name, format="D", unit=unit, array=stars[:, index])
        for index, (name, unit) in enumerate(
            (("X", "pixel"), ("Y", "pixel"), ("PEAK", "adu"))
        )
    ]
    return fits.BinTableHDU.from_columns(columns, name="STARS")


def _write_whole(hdus: Any, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            hdus.writeto(stream, checksum=True)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def expose_all(
    every: Sequence[Camera], pointing: Pointing, folder: Path, *, seed: int
) -> list[Path]:
    """Take one exposure with each camera, now; return the files in their order."""
    moment = datetime.now(UTC)
    return [
        expose(camera, pointing, folder, moment=moment, seed=seed) for camera in every
    ]
