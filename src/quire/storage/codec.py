"""Records as MessagePack.

MessagePack knows no integer beyond 64 bits, but documents have them (a `scan_id`, a
parameter). A record with one is written with it as an extension and read by the slow
way; all others take the fast one.
"""

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")

_BIG_INTEGER = 1
_MIN, _MAX = -(2**63), 2**64


class Codec(Generic[T]):
    """Turns records of one type into bytes and back."""

    def __init__(self, record_type: type[T]) -> None:
        self._type = record_type
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(record_type, ext_hook=_read_extension)
        self._lenient = msgspec.msgpack.Decoder(ext_hook=_read_extension)

    def encode(self, record: T) -> bytes:
        """Return the record's bytes."""
        try:
            return self._encoder.encode(record)
        except OverflowError:
            plain = msgspec.to_builtins(record, builtin_types=(bytes,))
            return self._encoder.encode(_wrapped(plain))

    def decode(self, encoded: bytes) -> T:
        """Return the record with these bytes."""
        try:
            return self._decoder.decode(encoded)
        except msgspec.ValidationError:
            return msgspec.convert(self._lenient.decode(encoded), self._type)


def _wrapped(value: Any) -> Any:
    match value:
        case dict():
            return {key: _wrapped(item) for key, item in value.items()}
        case list() | tuple():
            return [_wrapped(item) for item in value]
        case int() if not _MIN <= value < _MAX:
            return msgspec.msgpack.Ext(_BIG_INTEGER, b"%x" % value)
        case _:
            return value


def _read_extension(code: int, data: memoryview) -> int:
    if code != _BIG_INTEGER:
        raise msgspec.ValidationError(f"unknown MessagePack extension {code}")
    return int(bytes(data), 16)
