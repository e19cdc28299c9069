"""Texts as keys of indexes, which hold no more than some thousand bytes."""

import hashlib

from quire.storage.postgres.uids import to_column

_LONGEST = 500
"""Bytes: four such keys fit into one row of an index."""


def to_key(text: str) -> bytes:
    """Return what stands for a text in an index: itself, or its beginning and a hash.

    Keys sort as the texts do, by their first bytes.
    """
    encoded = to_column(text)
    if len(encoded) <= _LONGEST:
        return encoded
    return encoded[:_LONGEST] + hashlib.sha256(encoded).digest()
