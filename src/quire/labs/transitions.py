"""What may be done with a lab, and how it stands afterwards."""

from msgspec.structs import replace

from quire.errors import NotFound
from quire.labs.errors import LabBusy, LabExists
from quire.labs.lab import Act, Lab, LabStatus


def standing(lab: Lab | None, user: str) -> Lab:
    """Return a lab that has not been deleted.

    Raises
    ------
    NotFound
        There is none.
    """
    if lab is None or lab.status is LabStatus.GONE:
        raise NotFound("lab", user)
    return lab


def begin_spawn(former: Lab | None, wanted: Lab, *, now: float) -> Lab:
    """Return the record with which a lab's start begins.

    Parameters
    ----------
    former
        The user's last one; its log goes on.

    Raises
    ------
    LabBusy
        Something is being done with the former one.
    LabExists
        The former one is alive.
    """
    if former is not None:
        if former.act is not None:
            raise LabBusy(former.user, former.act)
        if former.status.alive:
            raise LabExists(former.user)
    return replace(
        wanted,
        id=former.id if former else wanted.id,
        status=LabStatus.PENDING,
        act=Act.SPAWN,
        created=now,
        changed=now,
    )


def must_clear(former: Lab | None) -> bool:
    """Return whether something of a dead lab may have to be deleted first."""
    return former is not None and former.status is not LabStatus.GONE


def placed(lab: Lab, url: str, *, now: float) -> Lab:
    """Return a lab whose place is known and that is coming up."""
    return replace(lab, url=url, changed=now)


def running(lab: Lab, *, now: float) -> Lab:
    """Return a lab that answers."""
    return replace(lab, status=LabStatus.RUNNING, act=None, changed=now)


def begin_delete(lab: Lab | None, user: str, *, now: float) -> Lab:
    """Return the record with which a lab's deletion begins.

    Raises
    ------
    NotFound
        There is none.
    LabBusy
        Something is being done with it.
    """
    lab = standing(lab, user)
    if lab.act is not None:
        raise LabBusy(user, lab.act)
    return replace(
        lab, status=LabStatus.TERMINATING, act=Act.DELETE, url="", changed=now
    )


def gone(lab: Lab, *, now: float) -> Lab:
    """Return a lab of which nothing is left."""
    return replace(_ended(lab, now), status=LabStatus.GONE, opens="")


def terminated(lab: Lab, *, now: float) -> Lab:
    """Return a lab that has ended by itself."""
    return replace(_ended(lab, now), status=LabStatus.TERMINATED)


def failed(lab: Lab, *, now: float) -> Lab:
    """Return a lab with which something could not be done."""
    return replace(_ended(lab, now), status=LabStatus.FAILED)


def _ended(lab: Lab, now: float) -> Lab:
    return replace(lab, act=None, url="", changed=now)
