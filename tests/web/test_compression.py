import gzip
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import InputError, TooLarge
from quire.web.compression import decompressed, known_encoding

LIMIT = 10_000_000


def packed(encoding: str, data: bytes) -> bytes:
    return gzip.compress(data) if encoding == "gzip" else zstandard.compress(data)


@given(st.sampled_from(["gzip", "zstd"]), st.lists(st.binary(), min_size=1, max_size=5))
def test_members_one_behind_another_are_one_body(
    encoding: str, parts: list[bytes]
) -> None:
    body = b"".join(packed(encoding, part) for part in parts)
    assert decompressed(body, encoding, LIMIT) == b"".join(parts)


@given(st.sampled_from(["gzip", "zstd"]), st.binary(min_size=1), st.data())
def test_what_breaks_off_is_refused(
    encoding: str, data: bytes, draw: st.DataObject
) -> None:
    whole = packed(encoding, data)
    end = draw.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(InputError):
        decompressed(whole[:end], encoding, LIMIT)


@given(st.sampled_from(["gzip", "zstd"]), st.binary(min_size=1, max_size=64))
def test_garbage_is_refused(encoding: str, data: bytes) -> None:
    with pytest.raises(InputError):
        decompressed(b"\xff" + data, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_stopped_by_its_size(encoding: str) -> None:
    bomb = packed(encoding, b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(TooLarge):
        decompressed(bomb, encoding, LIMIT)


def test_a_bomb_is_stopped_by_its_ratio() -> None:
    bomb = zstandard.compress(b"\0" * 9_000_000)
    with pytest.raises(TooLarge, match="500 times"):
        decompressed(bomb, "zstd", LIMIT)


def test_a_bomb_inside_members_is_stopped() -> None:
    with pytest.raises(TooLarge):
        decompressed(gzip.compress(b"\0" * 1_000_000) * 30, "gzip", LIMIT)


def test_a_window_beyond_the_standard_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    stream = compressor.compressobj()
    body = stream.compress(b"some data") + stream.flush()
    with pytest.raises(InputError):
        decompressed(body, "zstd", LIMIT)


def test_padding_behind_gzip_is_nothing() -> None:
    assert decompressed(gzip.compress(b"x") + b"\0" * 9, "gzip", LIMIT) == b"x"


def test_plain_deflate_is_no_gzip() -> None:
    with pytest.raises(InputError):
        decompressed(zlib.compress(b"x"), "gzip", LIMIT)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", "identity"),
        ("GZIP", "gzip"),
        (" zstd ", "zstd"),
        ("deflate", None),
        ("br", None),
        ("gzip, gzip", None),
    ],
)
def test_encodings_are_known_by_their_names(header: str, found: str | None) -> None:
    assert known_encoding(header) == found
