"""How many columns a FITS table holds: no more than their keywords have digits for."""

import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy.io import fits
from msgspec.structs import replace

from quire.products.projection.contents import Block, Contents, Variable
from quire.writers.fits_table import FitsTableWriter

WIDE = 1200


def test_a_wide_run_keeps_as_many_columns_as_fits_has(tmp_path: Path) -> None:
    text = Variable(key="/bad", stream="primary", type=pa.float64(), units="µm")
    wide = [
        Variable(key=f"/roi{number}", stream="primary", type=pa.float64())
        for number in range(WIDE)
    ]
    asked = Contents(rows={"primary": 2}, variables=(text, *wide))
    writer = FitsTableWriter()

    refused = {one.key: writer.refusal(one, asked) for one in asked.variables}

    held = tuple(one for one in asked.variables if not refused[one.key])
    assert held == tuple(wide[:997])
    assert refused["/bad"] == "FITS holds units of ASCII"
    assert refused["/roi997"] == "a FITS table holds 999 columns"
    assert not writer.refusal(wide[-1], Contents(rows={"primary": 2}, variables=tuple(wide[-1:])))  # fmt: skip
    sheet = writer.create(tmp_path / "wide.fits", replace(asked, variables=held))
    values = {one.key: pa.array([1.0, 2.0]) for one in held}
    numbers = np.arange(1, 3)
    sheet.write(
        Block(
            stream="primary",
            begin=0,
            seq_num=numbers,
            time=numbers.astype(float),
            columns=values,
        )
    )
    sheet.finish(())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(tmp_path / "wide.fits") as file:
            file.verify("exception")
            assert len(file[1].columns) == 999
            assert file[1].data["roi996"].tolist() == [1.0, 2.0]
