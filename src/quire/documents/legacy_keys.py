"""Older spellings of data keys."""

import re
from collections.abc import Iterator
from typing import Any

_NUMPY = re.compile(r"[|<>][tbiufcmMOSUV][0-9]+")
_PAIR = 2


def upgrade_data_keys(descriptor: dict[str, Any]) -> Iterator[str]:
    """Rewrite the data keys of a descriptor and its configurations in place.

    Yields
    ------
    str
        What was changed.
    """
    yield from _upgrade_each(descriptor.get("data_keys"), "data_keys")
    configuration = descriptor.get("configuration")
    if isinstance(configuration, dict):
        for device, one in configuration.items():
            if isinstance(one, dict):
                place = f"configuration/{device}/data_keys"
                yield from _upgrade_each(one.get("data_keys"), place)


def _upgrade_each(data_keys: Any, place: str) -> Iterator[str]:
    if isinstance(data_keys, dict):
        for key, one in data_keys.items():
            if isinstance(one, dict):
                for change in _upgrade(one):
                    yield f"{place}/{key}: {change}"


def _upgrade(data_key: dict[str, Any]) -> Iterator[str]:
    # Both were written for "none" and "unknown" before the schema had a word for it.
    if "external" in data_key and data_key["external"] is None:
        del data_key["external"]
        yield "external null left out"
    if "shape" in data_key and data_key["shape"] is None:
        data_key["shape"] = [None] if data_key.get("dtype") == "array" else []
        yield f"shape null became {data_key['shape']}".replace("None", "null")
    for old in ("dtype_str", "dtype_descr"):
        numpy = _numpy(data_key.get(old))
        if numpy is not None and "dtype_numpy" not in data_key:
            data_key["dtype_numpy"] = numpy
            del data_key[old]
            yield f"{old} became dtype_numpy"


def _numpy(told: Any) -> Any:
    """Return it as `dtype_numpy` may have it, None if it cannot be said so."""
    if isinstance(told, str):
        return told if _NUMPY.fullmatch(told) else None
    if not isinstance(told, list) or not told or not all(map(_is_field, told)):
        return None
    if len(told) == 1 and not told[0][0]:
        return told[0][1]
    return told


def _is_field(field: Any) -> bool:
    return (
        isinstance(field, list)
        and len(field) == _PAIR
        and all(isinstance(part, str) for part in field)
        and _NUMPY.fullmatch(field[1]) is not None
    )
