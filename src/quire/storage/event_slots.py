"""The slots of many events, encoded at once.

The same bytes mean the same as those that `quire.storage.blocks` has encoded one by one:
MessagePack (github.com/msgpack/msgpack, ``spec.md``) lets a small number stand in a wide
place, and so all slots of a block are as long as one another.
"""

import struct

from quire.ports.document_records import EventArrivals

_SLOT_OF_SIX, _SLOT_OF_EIGHT = b"\x96", 0x98
_NAME = b"\xa5event"
_UNSIGNED = {2: b"\xcd", 4: b"\xce"}  # by their bytes
_ONE_KEY = b"\x91\xd3"  # signed, of 64 bits
_NOT_REPEATED, _NO_ANCHOR, _NO_ORIGINAL = b"\x90", b"\xa0", b"\x00"


def encoded_slots(arrivals: EventArrivals, checksum: bytes) -> bytes:
    """Return the directory of a block whose body is their text, up to the last's end.

    Parameters
    ----------
    checksum
        What the last slot ends with.
    """
    import numpy as np

    count, lengths = len(arrivals), arrivals.ends - arrivals.begins
    fields = _fields(int(arrivals.begins[-1]), int(lengths.max()))
    template = b"".join(there for _, _, there in fields)
    text = bytearray(template * count)
    kinds = [(name, f"{kind}{len(there)}") for name, kind, there in fields]
    slots = np.frombuffer(text, kinds)
    slots["offset"] = arrivals.begins
    slots["length"] = lengths
    slots["key"] = arrivals.keys
    text[-len(template)] = _SLOT_OF_EIGHT
    # An array of 32 bits' length.
    return b"\xdd%b%b%b\xc4%b%b" % (
        struct.pack(">I", count),
        bytes(text),
        _NO_ORIGINAL,
        bytes([len(checksum)]),
        checksum,
    )


def _fields(largest_offset: int, longest: int) -> list[tuple[str, str, bytes]]:
    """Return what a slot consists of: names, kinds for NumPy, and what stands there."""
    far, long = (2 if most < 1 << 16 else 4 for most in (largest_offset, longest))
    return [
        ("before", "V", _SLOT_OF_SIX + _NAME + _UNSIGNED[far]),
        ("offset", ">u", bytes(far)),
        ("between", "V", _UNSIGNED[long]),
        ("length", ">u", bytes(long)),
        ("one", "V", _ONE_KEY),
        ("key", ">i", bytes(8)),
        ("after", "V", _NOT_REPEATED + _NO_ANCHOR),
    ]
