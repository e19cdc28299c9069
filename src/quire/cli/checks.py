"""One look of `quire doctor` at the machine, or at what Quire stands on."""

import msgspec


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one look says.

    Attributes
    ----------
    found
        The fact.
    promise
        What follows from it, in plain words.
    """

    name: str
    good: bool
    found: str
    promise: str
