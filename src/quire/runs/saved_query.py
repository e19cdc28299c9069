"""Queries that people saved under a name, to be used as ``@name``."""

import re
from enum import StrEnum
from typing import Any

import msgspec

from quire.errors import InputError

_NAME = re.compile(r"[^\W\d][\w-]{0,99}")


class Visibility(StrEnum):
    """Who may see and use a saved query: its owner, or everybody."""

    PRIVATE = "private"
    SHARED = "shared"


class SavedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a saved query.

    Attributes
    ----------
    owner
        Who saved it; each owner's names are his own.
    version
        From 1; deleting counts as one.
    at
        When it was saved, Unix seconds.
    query
        In the query language, or in its JSON form; read anew at each use.
    deleted
        Whether it was taken away by this version.
    """

    owner: str
    name: str
    version: int
    at: float
    query: str | dict[str, Any]
    visibility: Visibility = Visibility.PRIVATE
    description: str = ""
    deleted: bool = False


def check_name(name: str) -> None:
    """Refuse a name that ``@name`` could not be written with.

    Raises
    ------
    InputError
        It is none.
    """
    if not _NAME.fullmatch(name):
        reason = f"{name[:40]!r} is no name for a query"
        raise InputError("name", reason, "a letter, then letters, digits, _ and -")
