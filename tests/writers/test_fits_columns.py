"""The columns of a FITS table: how many, and their units."""

import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from msgspec.structs import replace

from quire.products.projection.contents import Block, Contents, Variable
from quire.writers.fits_table import FitsTableWriter

WIDE = 1200


def test_a_wide_run_keeps_as_many_columns_as_fits_has(tmp_path: Path) -> None:
    text = Variable(key="/bad", stream="primary", type=pa.float64(), units="m" * 61)
    wide = [
        Variable(key=f"/roi{number}", stream="primary", type=pa.float64())
        for number in range(WIDE)
    ]
    asked = Contents(rows={"primary": 2}, variables=(text, *wide))
    writer = FitsTableWriter()

    refused = {one.key: writer.refusal(one, asked) for one in asked.variables}

    held = tuple(one for one in asked.variables if not refused[one.key])
    assert held == tuple(wide[:997])
    assert refused["/bad"].startswith("FITS holds units of printable ASCII")
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


@pytest.mark.parametrize(
    ("units", "spelled"),
    [("µm", "um"), ("Å", "Angstrom"), ("°", "deg"), ("mm²", "mm2"), ("℃", "\\u2103")],
)
def test_no_column_is_left_out_for_its_units(
    units: str, spelled: str, tmp_path: Path
) -> None:
    one = Variable(key="/x", stream="primary", type=pa.float64(), units=units)
    asked = Contents(rows={"primary": 1}, variables=(one,))
    writer = FitsTableWriter()
    assert not writer.refusal(one, asked)
    sheet = writer.create(tmp_path / "units.fits", asked)
    first = np.ones(1, int)
    columns = {"/x": pa.array([0.5])}
    sheet.write(
        Block(
            stream="primary",
            begin=0,
            seq_num=first,
            time=first.astype(float),
            columns=columns,
        )
    )
    sheet.finish(())
    with fits.open(tmp_path / "units.fits") as file:
        file.verify("exception")
        assert file[1].header["TUNIT3"] == spelled
        assert file[1].data["x"].tolist() == [0.5]
