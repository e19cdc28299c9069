"""The manifest: what a product is made of."""

import msgspec

from quire.errors import InputError

FORMAT = 1


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
    sha256
        Hash of these bytes, hexadecimal.
    """

    source: str = ""
    path: str = ""
    hdu: int = 0
    source_offset: int = 0
    offset: int
    length: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a product is made of.

    Attributes
    ----------
    format
        Version of this record.
    id
        Of the specification.
    file
        Name of the product's file.
    size, sha256
        Bytes and hash of the whole product.
    made
        ISO 8601, UTC.
    runs
        uids of the runs that it was made from.
    parts
        Without gap or overlap, from the first byte to the last.
    """

    format: int = FORMAT
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
