"""Comparing a product with its manifest, and with what FITS requires."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from quire.errors import InputError
from quire.products.cards import CardError
from quire.products.manifest import (
    Manifest,
    coverage_faults,
    decode_manifest,
    whole_hash,
)
from quire.products.source_problem import SourceProblem
from quire.products.specification import FitsFile
from quire.writers.fits.blocks import OpenSource, read_hdus
from quire.writers.fits.checksum import checksum_fault, ones_sum
from quire.writers.fits.hashing import digest_range, read_range
from quire.writers.fits.sources import open_source, require_unchanged


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a product was found to be.

    Attributes
    ----------
    problems
        In plain words; empty if it is as it was published.
    """

    file: Path
    size: int
    parts: int
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether it is as it was published."""
        return not self.problems


def manifest_of(product: Path) -> Path:
    """Return where the manifest of a product lies."""
    return product.with_name(product.name.removesuffix(".fits") + ".manifest.json")


def verify(product: Path, manifest: Path | None = None) -> Verification:
    """Compare a product with its manifest (the one beside it by default)."""
    place = manifest or manifest_of(product)
    parts = size = 0
    problems: list[str] = []
    try:
        stated = decode_manifest(place.read_bytes())
        parts = len(stated.parts)
        problems += coverage_faults(stated)
    except FileNotFoundError:
        stated, problems = None, [f"there is no manifest {place}"]
    except (InputError, OSError) as fault:
        stated, problems = None, [f"{place}: {fault}"]
    try:
        with open_source(_as_source(product), product) as source:
            size = source.size
            if stated is not None:
                problems += _against(source, stated, product)
            if product.suffix == ".fits":
                problems += _checksum_faults(source)
            require_unchanged(source)
    except SourceProblem as fault:
        problems.append(fault.reason)
    except EOFError as fault:
        problems.append(str(fault))
    return Verification(file=product, size=size, parts=parts, problems=tuple(problems))


def _as_source(product: Path) -> FitsFile:
    return FitsFile(source_name="product", location=str(product))


def _against(source: OpenSource, stated: Manifest, product: Path) -> Iterator[str]:
    if stated.file != product.name:
        yield f"the manifest is that of {stated.file}"
    if stated.size != source.size:
        yield f"it has {source.size} bytes, its manifest says {stated.size}"
    found = []
    for number, part in enumerate(stated.parts):
        inside = 0 <= part.header_length <= part.length
        if part.offset < 0 or not inside or part.offset + part.length > source.size:
            yield f"part {number} goes beyond its last byte"
            continue
        digest = digest_range(
            source.descriptor, part.offset, part.length, part.header_length
        )
        found.append(digest.sha256)
        if digest.sha256 != part.sha256:
            origin = f"HDU {part.hdu} of {part.source}" if part.source else "the header"
            yield (
                f"part {number} ({origin}, {part.length} bytes at {part.offset}) "
                "is not what was published"
            )
    if stated.size == source.size and whole_hash(found) != stated.sha256:
        yield "its hash is not the one in its manifest"


def _checksum_faults(source: OpenSource) -> Iterator[str]:
    for hdu in read_hdus(source):
        total = 0
        for piece in read_range(source.descriptor, hdu.data_offset, hdu.data_length):
            total = ones_sum(piece, total)
        try:
            fault = checksum_fault(hdu.header, total)
        except CardError as unreadable:
            fault = str(unreadable)
        if fault:
            yield f"HDU {hdu.index}: {fault}"
