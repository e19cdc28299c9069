"""The manifest: what a product is made of.

Its hashes are lists, so that many can be computed at once and none twice. The hash of
a part is the SHA-256 of the SHA-256 of its header, if it begins with one, and those of
its data in pieces of 8 MiB; the hash of the product is the SHA-256 of those of its
parts. docs/reference/merge.md has it in a dozen lines of Python.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from quire.errors import InputError

FORMAT = 2
PIECE = 8 * 1024 * 1024
"""Bytes of data that are hashed as one; the last piece of a part may have fewer."""

HASH = "sha256-list"
"""How a product's hash is named, so that nobody takes it for plain SHA-256."""


class ManifestPart(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the product.

    Attributes
    ----------
    source, path
        Name and file that it was copied from; empty for what the merger wrote.
    hdu
        Index of the HDU in that source.
    source_offset, offset
        Bytes from the start of the source, of the product.
    length
        Bytes.
    header_length
        Bytes of the header that it begins with, 0 if it is hashed without one.
    sha256
        Hash of these bytes as `list_hash` makes it, hexadecimal.
    """

    source: str = ""
    path: str = ""
    hdu: int = 0
    source_offset: int = 0
    offset: int
    length: int
    header_length: int = 0
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a product is made of.

    Attributes
    ----------
    format
        Version of this record.
    hash, piece
        How its hashes are made, and the bytes that are hashed as one.
    id
        Of the specification.
    file
        Name of the product's file.
    size, sha256
        Bytes of the whole product, and its hash as `whole_hash` makes it.
    made
        ISO 8601, UTC.
    runs
        uids of the runs that it was made from.
    parts
        Without gap or overlap, from the first byte to the last.
    """

    format: int = FORMAT
    hash: str = HASH
    piece: int = PIECE
    id: str
    file: str
    size: int
    sha256: str
    made: str
    code_version: str
    job: str
    attempt: int
    runs: tuple[str, ...]
    parts: tuple[ManifestPart, ...]


def list_hash(pieces: Iterable[bytes]) -> str:
    """Return the hash of a part from the SHA-256 of its header and its pieces."""
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def whole_hash(parts: Iterable[str]) -> str:
    """Return the hash of a product from those of its parts, with its name before."""
    return f"{HASH}:{list_hash(bytes.fromhex(part) for part in parts)}"


def encode_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode_manifest(text: bytes) -> Manifest:
    """Read a manifest.

    Raises
    ------
    InputError
        It is none, or of a format that this version does not know.
    """
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("manifest", f"cannot be read: {error}") from None
    if manifest.format != FORMAT:
        raise InputError(
            "/format", f"format {manifest.format} is not known", f"expected {FORMAT}"
        )
    if (manifest.hash, manifest.piece) != (HASH, PIECE):
        reason = f"{manifest.hash} of {manifest.piece} bytes is not known"
        raise InputError("/hash", reason, f"expected {HASH} of {PIECE}")
    return manifest


def coverage_faults(manifest: Manifest) -> tuple[str, ...]:
    """Return where its parts leave gaps, overlap, or miss the product's size."""
    faults, at = [], 0
    for number, part in enumerate(manifest.parts):
        if part.offset != at or part.length <= 0:
            faults.append(
                f"part {number} has {part.length} bytes at {part.offset}, "
                f"but byte {at} comes next"
            )
        at = part.offset + part.length
    if at != manifest.size:
        faults.append(f"its parts end at byte {at}, the product at {manifest.size}")
    return tuple(faults)
