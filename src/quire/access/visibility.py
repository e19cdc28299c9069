"""Who may see a run: one access list a run, one question a principal.

A run's access list is made of what its documents claim (event-model's ``owner``,
``group`` and ``data_groups``) and of who sent them. A claim may only widen whom the
sender lets in; it never makes somebody else the owner (``reference/security.md``,
Visibility).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from quire.access.principals import Principal

PUBLIC = "public"

Audience = tuple[str, ...]
"""Sorted keys, any of which admits: ``user:NAME``, ``group:NAME`` or ``public``."""

Keys = frozenset[str] | None
"""The keys that a principal holds; None for all there are."""

_LISTS = (list, tuple)  # made once: a union of types is made anew each time


def audience(owner: str, start: Mapping[str, Any]) -> Audience:
    """Return who may see a run.

    Parameters
    ----------
    owner
        Who sent its first document.
    start
        Its start document, empty until it comes.
    """
    keys = {f"user:{owner}"}
    named = start.get("data_groups")
    listed = named if isinstance(named, _LISTS) else ()
    for name in (*listed, start.get("group")):
        if isinstance(name, str) and name:
            keys.add(f"group:{name}")
            if name == PUBLIC:
                keys.add(PUBLIC)
    return tuple(sorted(keys))


def keys_of(principal: Principal) -> Keys:
    """Return the keys that a principal holds."""
    if principal.is_admin:
        return None
    groups = (f"group:{name}" for name in principal.groups)
    return frozenset({f"user:{principal.name}", PUBLIC, *groups})


def admits(seen_by: Iterable[str], keys: Keys) -> bool:
    """Return whether one of the keys is on an access list."""
    return keys is None or any(key in keys for key in seen_by)
