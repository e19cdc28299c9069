"""How the events of one stream look, as their first shows, and types to read them by."""

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal

import msgspec

from quire.documents.counting import count
from quire.documents.typed import nests_deep, read_rows

_MOST_KEYS, _MOST_CHARACTERS = 100, 10_000
_FIELD = re.compile(r'[^\\"\x00-\x1f]+')
_OWN_KEYS = ("uid", "descriptor", "seq_num", "time", "data", "timestamps")
_NUMBER = int | float | None
_NUMBERS = frozenset({int, float})
_EVENT, _DESCRIPTOR = attrgetter("event"), attrgetter("descriptor")


class EventForm(msgspec.Struct, frozen=True, kw_only=True):
    """What events that are alike have in common.

    Attributes
    ----------
    keys
        Their data keys, which are those of their timestamps, too.
    numeric
        Which of them hold nothing but numbers and nulls; the others may hold anything.
    filled
        Whether events say that nothing was.
    """

    keys: tuple[str, ...]
    numeric: tuple[bool, ...]
    filled: bool

    @classmethod
    def of(cls, item: bytes) -> "EventForm | None":
        """Return that of a sound event, None where it has none that others could share."""
        first = read_rows(item)
        if first is None:
            return None
        data = first.body["data"]
        keys = tuple(data)
        if not _can_be_fields(keys) or data.keys() != first.body["timestamps"].keys():
            return None
        return cls(
            keys=keys,
            numeric=tuple(type(value) in _NUMBERS for value in data.values()),
            filled="filled" in first.body,
        )

    def read(self, lines: bytes) -> list[Any] | None:
        """Return the events of sound items of this form, None where any is another.

        Their data are the fields ``f0``, ``f1``… of `data`, in the order of the keys.
        """
        decoder = _decoder(self.keys, self.numeric, filled=self.filled)
        try:
            events: list[Any] = list(map(_EVENT, decoder.decode_lines(lines)))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        # None has fewer colons than keys, so that with as many in all each has as many:
        # no key is repeated, nor hidden by a colon in a text.
        each = len(_OWN_KEYS) + self.filled + 2 * len(self.keys)
        if (
            count(lines, b":") != len(events) * each
            or len(set(map(_DESCRIPTOR, events))) > 1
            or (not all(self.numeric) and any(map(nests_deep, lines.split(b"\n"))))
        ):
            return None
        return events


def _can_be_fields(keys: Sequence[str]) -> bool:
    """Return whether msgspec takes these names for fields, and they are not too many."""
    return (
        0 < len(keys) <= _MOST_KEYS
        and sum(map(len, keys)) <= _MOST_CHARACTERS
        and all(map(_FIELD.fullmatch, keys))
    )


@lru_cache(maxsize=64)
def _decoder(
    keys: tuple[str, ...], numeric: tuple[bool, ...], *, filled: bool
) -> msgspec.json.Decoder[Any]:
    """Return what reads items with events of a form and no other."""
    event = msgspec.defstruct(
        "Event",
        [
            ("uid", str),
            ("descriptor", str),
            # That an integer may be written 1.0 is known elsewhere.
            ("seq_num", int),
            ("time", int | float),
            ("data", _table(keys, [_NUMBER if alone else Any for alone in numeric])),
            ("timestamps", _table(keys, [_NUMBER] * len(keys))),
            *([("filled", _Nothing)] if filled else []),
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
    item = msgspec.defstruct(
        "Item",
        [("name", Literal["event"]), ("event", event)],
        array_like=True,
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(item)


def _table(keys: Sequence[str], kinds: Sequence[Any]) -> type[msgspec.Struct]:
    fields = [f"f{place}" for place in range(len(keys))]
    return msgspec.defstruct(
        "Table",
        list(zip(fields, kinds, strict=True)),
        rename=dict(zip(fields, keys, strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )


class _Nothing(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object without members."""
