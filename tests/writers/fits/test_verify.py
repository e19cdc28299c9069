from collections.abc import Callable
from pathlib import Path

import pytest
from tests.writers.fits.judging import judge
from tests.writers.fits.merging import attempt, merge_paths
from typer.testing import CliRunner

from quire.cli.product import app
from quire.testing.fits_files import image_file
from quire.writers.fits.merge import publish
from quire.writers.fits.verify import manifest_of, verify

pytestmark = pytest.mark.usefixtures("unjudged")
BLOCK = 2880


@pytest.fixture
def product(tmp_path: Path) -> Path:
    paths = {
        name: image_file(
            tmp_path / f"{name}.fits",
            names=(f"{name}1", f"{name}2"),
            table=False,
            seed=n,
        )
        for n, name in enumerate("AB")
    }
    return publish(merge_paths(paths, attempt(tmp_path)), tmp_path / "out")


def extensions(content: bytes) -> tuple[bytes, list[bytes]]:
    """Split a product of images of one size; its data never holds XTENSION."""
    places = [
        place
        for place in range(0, len(content), BLOCK)
        if content[place : place + 8] == b"XTENSION"
    ]
    ends = [*places[1:], len(content)]
    found = [content[a:b] for a, b in zip(places, ends, strict=True)]
    return content[: places[0]], found


def truncated_block(content: bytes) -> bytes:
    return content[:-BLOCK]


def truncated_bytes(content: bytes) -> bytes:
    return content[:-100]


def garbage_appended(content: bytes) -> bytes:
    return content + b"x" * BLOCK


def zeros_appended(content: bytes) -> bytes:
    return content + bytes(BLOCK)


def byte_flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[-BLOCK - 7] ^= 1
    return bytes(changed)


def words_swapped(content: bytes) -> bytes:
    at = len(content) - 2 * BLOCK
    one, two = content[at : at + 4], content[at + 4 : at + 8]
    assert one != two
    return content[:at] + two + one + content[at + 8 :]


def comment_changed(content: bytes) -> bytes:
    return content.replace(b"simulated", b"simulatex", 1)


def keyword_doubled(content: bytes) -> bytes:
    return content.replace(
        b"COMMENT made from seed 1".ljust(80), b"RA      = 1".ljust(80)
    )


def bitpix_wrong(content: bytes) -> bytes:
    return content.replace(
        b"BITPIX  =                   16", b"BITPIX  =                    8"
    )


def end_lost(content: bytes) -> bytes:
    return content.replace(b"END".ljust(80), b"ENX".ljust(80), 1)


def not_ascii(content: bytes) -> bytes:
    return content.replace(b"simulated", b"simulat\xe9d", 1)


def quote_open(content: bytes) -> bytes:
    return content.replace(b"'O''Neil '", b"'O''Neil  ", 1)


def axis_too_big(content: bytes) -> bytes:
    return content.replace(
        b"NAXIS2  =                   64", b"NAXIS2  =                 6400"
    )


def padding_not_zero(content: bytes) -> bytes:
    return content[:-1] + b"\1"


def lower_case_hierarch(content: bytes) -> bytes:
    return content.replace(b"ESO INS MODE", b"ESO ins mode").replace(
        b"HIERARCH ESO INS", b"HIERARCH ESO ins", 1
    )


def extension_missing(content: bytes) -> bytes:
    head, found = extensions(content)
    return head + b"".join(found[:-1])


def extensions_swapped(content: bytes) -> bytes:
    head, found = extensions(content)
    return head + b"".join([found[1], found[0], *found[2:]])


def extension_doubled(content: bytes) -> bytes:
    head, found = extensions(content)
    return head + b"".join([*found, found[-1]])


MUTATIONS: list[Callable[[bytes], bytes]] = [
    truncated_block,
    truncated_bytes,
    garbage_appended,
    zeros_appended,
    byte_flipped,
    words_swapped,
    comment_changed,
    keyword_doubled,
    bitpix_wrong,
    end_lost,
    not_ascii,
    quote_open,
    axis_too_big,
    padding_not_zero,
    lower_case_hierarch,
    extension_missing,
    extensions_swapped,
    extension_doubled,
    lambda _: b"",
]


def test_an_unharmed_product_is_good(product: Path) -> None:
    found = verify(product)

    judge(product)
    assert found.good
    assert CliRunner().invoke(app, ["verify", str(product)]).exit_code == 0
    assert (found.size, found.parts) == (product.stat().st_size, 5)


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_damage_is_found(product: Path, mutate: Callable[[bytes], bytes]) -> None:
    content = product.read_bytes()
    damaged = mutate(content)
    assert damaged != content
    product.write_bytes(damaged)

    assert verify(product).problems
    said = CliRunner().invoke(app, ["verify", str(product)])
    assert said.exit_code == 1


def test_swapped_extensions_are_told_by_their_parts(product: Path) -> None:
    product.write_bytes(extensions_swapped(product.read_bytes()))

    problems = verify(product).problems

    assert any("HDU 1 of A" in problem for problem in problems)
    assert any("HDU 2 of A" in problem for problem in problems)
    assert not any("of B" in problem for problem in problems)


def test_a_manifest_that_is_missing_or_damaged_is_told(product: Path) -> None:
    place = manifest_of(product)
    text = place.read_bytes()

    place.write_bytes(text[:-30])
    assert any("cannot be read" in problem for problem in verify(product).problems)
    place.unlink()
    assert any("no manifest" in problem for problem in verify(product).problems)


def test_a_manifest_of_another_file_is_told(product: Path) -> None:
    text = manifest_of(product).read_bytes()
    other = product.with_name("other.fits")
    product.rename(other)
    manifest_of(other).write_bytes(text)

    assert any("is that of" in problem for problem in verify(other).problems)


def test_a_product_that_is_gone_is_told(product: Path) -> None:
    product.unlink()

    assert any("there is no file" in problem for problem in verify(product).problems)


def test_a_manifest_that_lies_about_its_parts_is_told(product: Path) -> None:
    place = manifest_of(product)
    place.write_bytes(place.read_bytes().replace(b'"offset": 2880', b'"offset": -99'))

    assert verify(product).problems
