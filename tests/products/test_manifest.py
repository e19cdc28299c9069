import pytest

from quire.errors import InputError
from quire.products.manifest import (
    Manifest,
    ManifestPart,
    coverage_faults,
    decode_manifest,
    encode_manifest,
)


def manifest(*lengths: int, size: int | None = None) -> Manifest:
    parts, at = [], 0
    for length in lengths:
        parts.append(ManifestPart(offset=at, length=length, sha256="00"))
        at += length
    return Manifest(
        id="a:b",
        file="a.fits",
        size=at if size is None else size,
        sha256="ff",
        made="2026-11-21T00:00:00.000+00:00",
        code_version="0.1",
        job="j",
        attempt=1,
        runs=("r",),
        parts=tuple(parts),
    )


def test_it_survives_being_written_and_read() -> None:
    assert decode_manifest(encode_manifest(manifest(1, 2))) == manifest(1, 2)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"\xff", encode_manifest(manifest(1))[:-20]]
)
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        decode_manifest(text)


def test_an_unknown_format_is_refused() -> None:
    text = encode_manifest(manifest(1)).replace(b'"format": 2', b'"format": 3')

    with pytest.raises(InputError, match="format 3 is not known"):
        decode_manifest(text)


def test_gaps_overlaps_and_a_wrong_size_are_told() -> None:
    whole = manifest(2880, 5760)
    apart = manifest(2880).parts + manifest(2880).parts

    assert coverage_faults(whole) == ()
    assert coverage_faults(manifest(2880, size=5760))
    assert coverage_faults(
        decode_manifest(encode_manifest(whole)).__class__(
            **{
                name: getattr(whole, name)
                for name in whole.__struct_fields__
                if name != "parts"
            },
            parts=apart,
        )
    )
