"""Makers of realistic source files, for tests and benchmarks; needs astropy."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_ESO = {
    "INS FILT1 NAME": "B_HIGH",
    "INS TEMP1 VAL": 283.15,
    "INS SHUT1 ST": True,
    "DET CHIP1 ID": "CCD-44",
    "TEL AMBI RHUM": 12.5,
    "DPR CATG": "SCIENCE",
}


def image_file(
    path: Path,
    *,
    names: Sequence[str] = ("CHIP1", "CHIP2"),
    shape: tuple[int, int] = (64, 48),
    table: bool = True,
    primary_pixels: bool = False,
    keywords: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Path:
    """Write a file with one image extension a name, as an instrument would.

    Parameters
    ----------
    shape
        Pixels (rows, columns) of each image.
    table
        Whether a binary table follows the images.
    primary_pixels
        Whether the primary HDU has an image too.
    keywords
        More cards of the primary header, ESO's as ``ESO ...``.
    """
    from astropy.io import fits

    generator = np.random.default_rng(seed)
    header = fits.Header()
    header["ORIGIN"] = ("QUIRE", "simulated")
    header["INSTRUME"] = "TRICAM"
    header["RA"] = (83.822083, "[deg] it's the Trapezium / M42")
    header["DEC"] = -5.391111
    header["EXPTIME"] = 1e-3
    for name, value in _ESO.items():
        header[f"HIERARCH ESO {name}"] = (value, "simulated")
    for name, value in (keywords or {}).items():
        header[name] = value
    header["COMMENT"] = f"made from seed {seed}"
    pixels = generator.integers(0, 2**16, shape, dtype=np.uint16)
    hdus: list[Any] = [
        fits.PrimaryHDU(pixels if primary_pixels else None, header=header)
    ]
    for name in names:
        pixels = generator.integers(0, 2**16, shape, dtype=np.uint16)
        hdus.append(fits.ImageHDU(pixels, name=name))
    if table:
        columns = [
            fits.Column(name="X", format="E", array=generator.random(37, np.float32)),
            fits.Column(name="ID", format="12A", array=[f"s{n}" for n in range(37)]),
        ]
        found = fits.BinTableHDU.from_columns(columns, name=f"{names[0]}_STARS")
        hdus.append(found)
    with path.open("wb") as stream:
        fits.HDUList(hdus).writeto(stream, checksum=True)
    return path


def keyword_list(count: int) -> list[dict[str, Any]]:
    """Return so many ESO keywords, as a specification states them."""
    return [
        {
            "type": "esoKeyword",
            "name": f"OCS PAR{number} VAL",
            "value": number * 1.5,
            "comment": "simulated",
        }
        for number in range(count)
    ]


def specification(
    paths: Mapping[str, Path], *, file_id: str = "TEST.2026-11-21T01:02:03.004"
) -> dict[str, Any]:
    """Return a specification that merges files, by source name."""
    return {
        "id": file_id,
        "sources": [
            {
                "type": "fitsKeywords",
                "sourceName": "ocm",
                "keywords": [
                    {"type": "valueKeyword", "name": "OBSERVER", "value": "O'Neil"}
                ],
            },
            *(
                {"type": "fitsFile", "sourceName": name, "location": str(path)}
                for name, path in paths.items()
            ),
        ],
        "target": {"fileId": file_id},
    }
