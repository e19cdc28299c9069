"""Products that share blocks with their sources, or are made within one of them."""

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.writers.fits import judges
from tests.writers.fits.merging import MADE, attempt, merge_raw

from quire.products.manifest import decode_manifest
from quire.products.source_problem import SourceProblem
from quire.products.specification import parse_specification
from quire.testing.fits_files import image_file, keyword_list, specification
from quire.testing.not_proved import not_proved
from quire.writers.fits.collected import digests_of
from quire.writers.fits.linux import insert_range
from quire.writers.fits.merge import plan_merge, publish
from quire.writers.fits.verify import verify

SHAPE = (700, 500)


def sources(folder: Path) -> dict[str, Path]:
    return {
        name: image_file(folder / f"{name}.fits", names=(name, f"{name}2"), shape=SHAPE)
        for name in ("blue", "red")
    }


def with_target(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    own = {"type": "fitsFile", "sourceName": "own", "location": str(path)}
    return {**raw, "target": {**raw["target"], "source": own}}


def judged(product: Path) -> None:
    judges.astropy_finds_no_fault(product)
    judges.fitsverify_finds_no_fault(product)
    assert verify(product).problems == ()


def sharing_of(path: Path) -> int:
    """Return the bytes that a file has in common with others (XFS)."""
    import fcntl
    import struct

    with path.open("rb") as stream:
        # FS_IOC_FIEMAP: start, length, flags, mapped, count, reserved; then extents.
        request = struct.pack("QQIIII", 0, 2**63, 1, 0, 256, 0) + bytes(56 * 256)
        buffer = bytearray(request)
        fcntl.ioctl(stream, 0xC020660B, buffer)
    count = struct.unpack_from("I", buffer, 20)[0]
    total = 0
    for number in range(count):
        _, _, length, _, _, flags = struct.unpack_from(
            "QQQQQI", buffer, 32 + 56 * number
        )
        total += length if flags & 0x2000 else 0
    return total


def test_data_are_shared_and_judged_good(shared: Path) -> None:
    paths = sources(shared)
    raw = specification(paths)
    other = judges.independent_merge(list(paths.values()), shared / "other.fits")

    product = publish(merge_raw(raw, attempt(shared)), shared / "out")

    judged(product)
    judges.same_extensions(product, other)
    images = sum(path.stat().st_size for path in paths.values())
    assert sharing_of(product) > 0.95 * images


def test_what_is_known_is_not_read_again(shared: Path) -> None:
    raw = specification(sources(shared))
    wanted = parse_specification(raw)
    known = {
        file.location: digests_of(file, Path(file.location)) for file in wanted.files
    }

    part = merge_raw(raw, attempt(shared), known=known)
    plain = merge_raw(raw, attempt(shared, "plain"))

    assert part.sha256 == plain.sha256
    judged(publish(part, shared / "out"))


def test_data_units_are_identical_to_the_last_bit(shared: Path) -> None:
    raw = specification(sources(shared))
    part = merge_raw(raw, attempt(shared))
    product = part.file.read_bytes()
    manifest = decode_manifest(part.manifest.read_bytes())
    wanted = parse_specification(raw)
    planned = plan_merge(
        wanted, {file.location: Path(file.location) for file in wanted.files}, made=MADE
    )
    for laid, piece in zip(planned.layout.parts, manifest.parts[1:], strict=True):
        hdu = planned.hdus[laid.source][laid.hdu]
        source = Path(piece.path).read_bytes()
        data = source[hdu.data_offset : hdu.data_offset + hdu.data_length]
        start = piece.offset + piece.header_length
        assert product[start : piece.offset + piece.length] == data


@pytest.mark.parametrize("where", ["shared", "tmp_path"])
@pytest.mark.parametrize("keywords", [1, 400])
def test_a_product_is_made_within_its_target(
    where: str, keywords: int, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(where)
    paths = sources(folder)
    own = image_file(folder / "own.fits", names=("OWN",), primary_pixels=True)
    raw = with_target(specification(paths), folder / "private.fits")
    raw["sources"][0]["keywords"] += keyword_list(keywords)
    (folder / "private.fits").write_bytes(own.read_bytes())

    part = merge_raw(raw, attempt(folder), owned=folder / "private.fits")

    assert not (folder / "private.fits").exists()
    product = publish(part, folder / "out")
    judged(product)
    other = judges.independent_merge(
        list(paths.values()), folder / "other.fits", target=own
    )
    judges.same_extensions(product, other)
    grown = [alert.id for alert in part.alerts] == ["primary_hdu_resized"]
    assert grown == (keywords > 100)


def test_a_file_grows_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = os.urandom(1_000_000)
    path.write_bytes(content)
    with path.open("r+b") as stream:
        if not insert_range(stream.fileno(), 184_320):
            why, mend = "this file system moves no data", "run on ext4 or XFS"
            pytest.skip(not_proved("growing at the start", why=why, mend=mend))
    assert path.read_bytes()[184_320:] == content


def test_a_source_that_is_not_what_was_collected_is_a_problem(tmp_path: Path) -> None:
    path = image_file(tmp_path / "a.fits", shape=SHAPE)
    raw = specification({"cam": path})
    wanted = parse_specification(raw)
    known = {str(path): digests_of(wanted.files[0], path)}
    content = bytearray(path.read_bytes())
    at = len(content) // 4
    content[at : at + 8] = content[at + 4 : at + 8] + content[at : at + 4]
    path.write_bytes(content)
    folder = attempt(tmp_path)

    with pytest.raises(SourceProblem, match="not what was collected"):
        merge_raw(raw, folder, known=known)
    assert list(folder.iterdir()) == []


def test_a_private_copy_is_not_read_again(tmp_path: Path) -> None:
    raw = specification(sources(tmp_path))
    wanted = parse_specification(raw)
    places = [file.location for file in wanted.files]
    known = {
        file.location: digests_of(file, Path(file.location)) for file in wanted.files
    }

    part = merge_raw(raw, attempt(tmp_path), known=known, private=places)
    plain = merge_raw(raw, attempt(tmp_path, "plain"))

    assert part.sha256 == plain.sha256
    assert part.file.read_bytes() == plain.file.read_bytes()
    judged(publish(part, tmp_path / "out"))
    # Were it read, this would be found.
    one = known[places[0]][1]
    false = replace(one, pieces=(b"?" * 32,) * len(one.pieces))
    known[places[0]] = (known[places[0]][0], false, *known[places[0]][2:])
    trusting = merge_raw(raw, attempt(tmp_path, "3"), known=known, private=places)
    assert trusting.sha256 != plain.sha256
    with pytest.raises(SourceProblem, match="not what was collected"):
        merge_raw(raw, attempt(tmp_path, "4"), known=known)
    with pytest.raises(SourceProblem, match="shorter"):
        merge_raw(
            raw,
            attempt(tmp_path, "5"),
            known=known,
            private=places,
            report=lambda message, _: cut(message, Path(places[0])),
        )


def cut(message: str, path: Path) -> None:
    if message == "Copying blue":
        os.truncate(path, path.stat().st_size // 2880 // 2 * 2880)
