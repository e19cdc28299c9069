"""The table ``[labs]`` of the settings, and what may be chosen by it."""

import re
from collections.abc import Mapping

import msgspec

from quire.errors import InputError
from quire.labs.errors import BadReference, BadSize, QuotaExceeded, UnknownImage
from quire.labs.lab import Resources

_GIB = 1024**3
SIZES = (
    "fine",
    "diminutive",
    "tiny",
    "small",
    "medium",
    "large",
    "huge",
    "gargantuan",
    "colossal",
    "custom",
)
_USUAL: Mapping[str, Resources] = {
    name: Resources(cpu=2.0**power, memory=int(3 * 2**power * _GIB))
    for power, name in enumerate(SIZES[:-1], start=-3)
}
# What is reserved of a limit.
_REQUESTED = 4
IMAGE_CLASSES = ("recommended", "latest-release", "latest-weekly", "latest-daily")
# Docker's grammar (distribution/reference): name, then a tag, a digest or both.
_REFERENCE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._:/-]*/?[a-z0-9._/-]+"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-fA-F]+)?"
)


class LabSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How labs are run.

    Attributes
    ----------
    users
        The account of the operating system of each user who has one; the server must
        be root to start a lab under another's.
    sizes
        What may be used by a lab of each size, in place of the usual table.
    quota
        What a single lab may use at most, None for no bound.
    spawn_seconds, delete_seconds
        How long a start and a deletion may take.
    idle_seconds
        After which a lab without activity ends by itself, 0 for never.
    look_seconds
        Between two looks whether labs still run.
    """

    users: dict[str, str] = {}
    sizes: dict[str, Resources] = {}
    quota: Resources | None = None
    spawn_seconds: float = 600.0
    delete_seconds: float = 60.0
    idle_seconds: int = 0
    look_seconds: float = 5.0

    def offered(self) -> Mapping[str, Resources]:
        """Return the sizes that there are, smallest first."""
        sizes = self.sizes or _USUAL
        return dict(sorted(sizes.items(), key=lambda one: SIZES.index(one[0])))

    def limits(self, size: str) -> Resources:
        """Return what a lab of a size may use.

        Raises
        ------
        BadSize
            There is no such size.
        QuotaExceeded
            It is more than one may have.
        """
        offered = self.offered()
        if size not in offered:
            raise BadSize(
                "/options/size", f"{size!r} is no size here", f"one of {_list(offered)}"
            )
        limits, quota = offered[size], self.quota
        if quota and (limits.cpu > quota.cpu or limits.memory > quota.memory):
            raise QuotaExceeded(size)
        return limits

    def check(self) -> None:
        """Do nothing if labs can be run so.

        Raises
        ------
        InputError
            They cannot; names the setting.
        """
        for size, limits in self.sizes.items():
            if size not in SIZES:
                raise InputError(f"labs.sizes.{size}", "is no size", _list(SIZES))
            if limits.cpu <= 0 or limits.memory <= 0:
                raise InputError(f"labs.sizes.{size}", "must be more than 0")
        for name in ("spawn_seconds", "delete_seconds", "look_seconds"):
            if getattr(self, name) <= 0:
                raise InputError(f"labs.{name}", "must be more than 0")
        if self.idle_seconds < 0:
            raise InputError("labs.idle_seconds", "must be 0 or more")


def requested(limits: Resources) -> Resources:
    """Return what is reserved for a lab that may use so much."""
    return Resources(cpu=limits.cpu / _REQUESTED, memory=limits.memory // _REQUESTED)


def image_for(field: str, value: str, offered: str) -> str:
    """Return the image that was asked for: there is one, that of this machine.

    Parameters
    ----------
    field
        ``image_list``, ``image_dropdown``, ``image_class`` or ``image_tag``.
    offered
        Its reference, with a tag.

    Raises
    ------
    BadReference
        It should be a reference and is none.
    UnknownImage
        It is another one.
    """
    place = f"/options/{field}"
    if field == "image_class":
        known = value in IMAGE_CLASSES
    elif field == "image_tag":
        known = value == offered.rpartition(":")[2]
    else:
        if not _REFERENCE.fullmatch(value):
            raise BadReference(place, f"{value[:80]!r} is no image reference")
        known = value.partition("@")[0] == offered
    if not known:
        raise UnknownImage(place, f"there is no image {value[:80]!r}", offered)
    return offered


def _list(words: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(words)
