"""Judging every product that a test makes, with programs that share no code with ours."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.testing.not_proved import not_proved

_MANIFEST = ".manifest.json"


def products_in(folder: Path) -> list[Path]:
    """Return the published FITS products below a folder."""
    places = sorted(folder.rglob(f"*{_MANIFEST}"))
    named = [
        one.with_name(one.name.removesuffix(_MANIFEST) + ".fits") for one in places
    ]
    return [one for one in named if one.is_file()]


def judge(product: Path) -> None:
    """Have fitsverify and ``fitscheck --compliance`` find no fault with a product."""
    from astropy.io.fits.scripts import fitscheck

    assert fitscheck.main(["--compliance", str(product)]) == 0, product
    program = shutil.which("fitsverify")
    if program is None:
        why, mend = "it is not installed", "apt install fitsverify (Debian)"
        pytest.skip(not_proved("fitsverify's verdict", why=why, mend=mend))
    words = [program, str(product)]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    assert "0 warning(s) and 0 error(s)" in said, said


@pytest.fixture
def unjudged() -> None:
    """Say that a test damages its products, or merges what no judge approves of."""


@pytest.fixture(autouse=True)
def judged_products(request: pytest.FixtureRequest) -> Iterator[None]:
    """Judge what a test has published, below its own folder or the server's."""
    names = request.fixturenames
    if "unjudged" in names or "tmp_path" not in names:
        yield
        return
    folder: Path = request.getfixturevalue("tmp_path")
    served = request.getfixturevalue("server").folder if "server" in names else folder
    known = set(products_in(served))
    yield
    for product in {*products_in(folder), *products_in(served)} - known:
        judge(product)
