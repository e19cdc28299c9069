"""Names by which tiled's clients can ask for what a mount shows."""

import re
from collections.abc import Collection, Iterable

# They put a name into an address as it stands. There these begin something else, stand
# for another character, or are refused.
_ELSE = re.compile(r"[/?#\x00-\x1f\x7f]|%(?=[0-9A-Fa-f]{2})")


def addressed(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return what names are called where they become parts of addresses.

    An underscore stands for each character that cannot be there, and one or more
    behind tell names apart.

    Parameters
    ----------
    taken
        What none may be called.
    """
    known = list(dict.fromkeys(names))
    calls = {name: _ELSE.sub("_", name) or "_" for name in known}
    used = {name for name in known if calls[name] == name and name not in taken}
    for name in known:
        if name in used:
            continue
        while calls[name] in used or calls[name] in taken:
            calls[name] += "_"
        used.add(calls[name])
    return calls
