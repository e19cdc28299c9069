"""Products whose files came to harm are made anew by the next who asks for them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kinds.test_project import Place, linked, run_of

from quire.writers.fits.verify import verify


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("harmed"))
    yield made
    made.server.stop()


def cut(product: Path) -> None:
    os.truncate(product, 1000)


def flip(product: Path) -> None:
    whole = bytearray(product.read_bytes())
    whole[len(whole) // 2] ^= 1
    product.write_bytes(whole)


def lose(what: str) -> Callable[[Path], None]:
    return lambda product: product.with_name(product.name + what).unlink()


HARMS: dict[str, Callable[[Path], None]] = {
    "cut": cut,
    "flipped": flip,
    "gone": Path.unlink,
    "without manifest": lose(".manifest.json"),
    "without provenance": lose(".prov.json"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_product_that_came_to_harm_is_made_anew(place: Place, harm: str) -> None:
    run = place.send(run_of(f"harm {harm}", {"/entry/a": linked("a")}))
    product = place.product(place.project(run))
    before = {one: one.read_bytes() for one in beside(product)}
    HARMS[harm](product)

    again = place.product(place.project(run))

    assert again == product
    assert beside(product) == list(before)
    assert product.read_bytes() == before[product]
    assert verify(product, product.with_name(product.name + ".manifest.json")).good


def beside(product: Path) -> list[Path]:
    every = product.parent.glob(f"{product.name}*")
    return sorted(one for one in every if one.suffix != ".damaged")
