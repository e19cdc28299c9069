"""Texts as keys of indexes, which hold no more than some thousand bytes."""

import hashlib

from quire.storage.postgres.uids import to_column

LONGEST = 500
"""Bytes: four such keys fit into one row of an index."""


def to_key(text: str) -> bytes:
    """Return what stands for a text in an index: itself, or its beginning and a hash.

    Keys sort as the texts do, by their first bytes. What a key stands for is kept by
    `quire.storage.postgres.session.Session.key`.
    """
    return shortened(to_column(text))


def shortened(encoded: bytes) -> bytes:
    """Return what stands for bytes in an index."""
    if len(encoded) <= LONGEST:
        return encoded
    return encoded[:LONGEST] + hashlib.sha256(encoded).digest()
