"""Whose labs may run here, and under which account of the operating system."""

import grp
import os
import pwd
from collections.abc import Mapping

from quire.backends.jupyter import Jupyter
from quire.errors import Forbidden
from quire.labs.lab import Account, Group


class LocalAccounts:
    """The accounts of this machine.

    Parameters
    ----------
    owner
        The principal that the server's own account stands for.
    users
        Accounts of other principals.
    program
        What labs are made of; without it nobody may have any.
    """

    def __init__(self, owner: str, users: Mapping[str, str], program: Jupyter) -> None:
        self._owner = owner
        self._program = program
        self._users = dict(users)

    @property
    def image(self) -> str:
        """The reference, with a tag, of what labs are made of."""
        return self._program.image

    def account(self, user: str) -> Account:
        """Return the account under which a user's lab runs.

        Raises
        ------
        Forbidden
            The user may have no lab here; with the reason.
        LabsUnavailable
            Nobody may: JupyterLab is not installed.
        """
        self._program.require()
        own = own_account()
        name = self._users.get(user, own.name if user == self._owner else "")
        if name == own.name:
            return own
        if not name:
            raise Forbidden(
                user, f"an account of this machine: labs.users names none for {user}"
            )
        if own.uid != 0:
            raise Forbidden(
                user,
                f"a server that runs as root: labs under other accounts ({name}) than"
                f" its own ({own.name}) can be started by root alone",
            )
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            needs = f"the account {name}, which this machine does not have"
            raise Forbidden(user, needs) from None
        if entry.pw_uid == 0:
            raise Forbidden(user, f"another account than {name}, which is root's")
        return _account(entry)


def own_account() -> Account:
    """Return the account that this process runs under."""
    uid = os.geteuid()
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:  # a container may run under any number
        home = os.environ.get("HOME", "/")
        return Account(name=str(uid), uid=uid, gid=os.getegid(), home=home)


def _account(entry: pwd.struct_passwd) -> Account:
    numbers = os.getgrouplist(entry.pw_name, entry.pw_gid)
    others = sorted(set(numbers) - {entry.pw_gid})
    return Account(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        home=entry.pw_dir,
        groups=tuple(Group(name=_name(one), id=one) for one in (entry.pw_gid, *others)),
    )


def _name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
