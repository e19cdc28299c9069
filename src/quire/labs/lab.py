"""The record of a user's lab (models of Nublado: ``reference/labs.md`` section 3)."""

from enum import StrEnum

import msgspec


class LabStatus(StrEnum):
    """How a lab stands; Nublado's words, and one for a lab that was deleted."""

    PENDING = "pending"
    RUNNING = "running"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FAILED = "failed"
    GONE = "gone"

    @property
    def alive(self) -> bool:
        """Whether there is, or may soon be, something that runs."""
        return self in (LabStatus.PENDING, LabStatus.RUNNING, LabStatus.TERMINATING)


class Act(StrEnum):
    """What is being done with a lab: one at a time."""

    SPAWN = "spawn"
    DELETE = "delete"


class Resources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a lab may use.

    Attributes
    ----------
    cpu
        Processors.
    memory
        Bytes.
    """

    cpu: float
    memory: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of the operating system."""

    name: str
    id: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account of the operating system under which a user's lab runs.

    Attributes
    ----------
    home
        Its home folder, absolute.
    groups
        The primary one first.
    """

    name: str
    uid: int
    gid: int
    home: str
    groups: tuple[Group, ...] = ()


class LabOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen for a lab."""

    image: str
    size: str
    enable_debug: bool = False
    reset_user_env: bool = False


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """One user's lab.

    A deleted lab's record stays, so that the user's next one goes on with its log.

    Attributes
    ----------
    user
        Whose it is; a user has one.
    id
        Its operation's id.
    act
        What is being done with it now, None for nothing.
    prefix
        Path under which it serves, with slashes at both ends.
    url
        Where it serves, empty where it does not.
    token
        Hash of the token that it was given for Quire, empty once that is revoked.
    place
        What runs it: a machine and a folder of it, or a cluster.
    opens
        The notebook to show first, relative to the lab's folder; empty for none.
    created, changed
        Unix seconds.
    """

    user: str
    id: str
    status: LabStatus = LabStatus.PENDING
    act: Act | None = None
    options: LabOptions
    account: Account
    limits: Resources
    prefix: str
    url: str = ""
    token: str = ""
    place: str = ""
    opens: str = ""
    created: float = 0.0
    changed: float = 0.0
