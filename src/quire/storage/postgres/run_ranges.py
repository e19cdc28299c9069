"""Between what the keys of runs lie whose uid begins in some way."""

from quire.storage.postgres.uids import prefix_range

LONGEST_PREFIX = 40
"""So many characters of a prefix are looked at: more than a usual uid has."""


def key_range(prefix: str) -> tuple[bytes, bytes | None]:
    """Return between what the keys lie, the end excluded; None for no end.

    Where the prefix is too long those of other uids may lie there, too.
    """
    return prefix_range(prefix[:LONGEST_PREFIX])
