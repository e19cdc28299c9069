"""Reading a run's documents as the server writes them in MessagePack."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from quire.documents.msgpack import read_extension, value_end

_DECODER = msgspec.msgpack.Decoder(tuple[str, dict[str, Any]], ext_hook=read_extension)


def decode_msgpack(pieces: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents of ``GET .../documents?format=msgpack`` as they come.

    Parameters
    ----------
    pieces
        The answer's bytes, cut anywhere.

    Yields
    ------
    (name, document)
        Integers beyond 64 bits, NaN and infinities as they were sent.

    Raises
    ------
    ValueError
        It is no such answer, or it breaks off.
    """
    buffer = bytearray()
    left = -1
    for piece in pieces:
        buffer += piece
        at = 0
        if left < 0:
            left, at = _header(buffer)
        while left > 0 and (end := value_end(buffer, at)) >= 0:
            yield _DECODER.decode(memoryview(buffer)[at:end])
            left, at = left - 1, end
        if left == 0 and at < len(buffer):
            raise ValueError("something follows the last document")
        del buffer[:at]
    if left:
        raise ValueError(f"the answer breaks off with {max(left, 0)} documents to come")


def _header(buffer: bytearray) -> tuple[int, int]:
    """Return the number of documents and where they begin; -1 if not yet known."""
    if not buffer:
        return -1, 0
    code = buffer[0]
    if 0x90 <= code <= 0x9F:  # noqa: PLR2004
        return code & 0x0F, 1
    width = {0xDC: 2, 0xDD: 4}.get(code)
    if width is None:
        raise ValueError("this is no MessagePack array of documents")
    if len(buffer) <= width:
        return -1, 0
    return int.from_bytes(buffer[1 : 1 + width], "big"), 1 + width
