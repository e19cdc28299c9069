"""What the descriptors of a stream say: data keys and configuration."""

from collections.abc import Sequence
from typing import Any

import msgspec

_KEPT = ("uid", "time", "configuration", "data_keys", "object_keys", "hints")


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The descriptors of a stream, in the order of their time.

    Attributes
    ----------
    descriptors
        Of each its uid, time (Unix seconds), configuration (by device: data,
        timestamps, data_keys), data_keys, object_keys and hints, as far as it has
        them.
    """

    descriptors: tuple[dict[str, Any], ...] = ()

    @property
    def data_keys(self) -> dict[str, Any]:
        """What is said of each data key; of several the latest descriptor's word."""
        return {
            key: one
            for each in self.descriptors
            for key, one in each["data_keys"].items()
        }


def configured(descriptors: Sequence[dict[str, Any]]) -> Configuration:
    """Return the configuration that descriptor documents hold."""
    kept = [
        {key: body[key] for key in _KEPT if key in body}
        for body in {body["uid"]: body for body in descriptors}.values()
    ]
    return Configuration(descriptors=tuple(sorted(kept, key=_rank)))


def in_stream(data_key: dict[str, Any]) -> bool:
    """Return whether the key's data is given by stream_datum, and never in events."""
    return str(data_key.get("external", "")).startswith("STREAM:")


def is_external(data_key: dict[str, Any]) -> bool:
    """Return whether the key's data lies in files."""
    return bool(data_key.get("external"))


def _rank(descriptor: dict[str, Any]) -> tuple[float, str]:
    return descriptor["time"], descriptor["uid"]
