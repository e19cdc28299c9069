"""The place where labs run: child processes of this machine, a cluster..."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import msgspec

from quire.labs.lab import Account, LabOptions, Resources


class LabOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A lab that is wanted.

    Attributes
    ----------
    id
        The lab's id, under which all of it is found again.
    env
        Added to the lab's environment.
    prefix
        Path under which it is to serve, with slashes at both ends.
    """

    id: str
    user: str
    account: Account
    options: LabOptions
    limits: Resources
    prefix: str
    env: Mapping[str, str]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A lab that was found.

    Attributes
    ----------
    alive
        Whether it serves, or may come to; else only remains of it are there.
    login
        Address that lets its user in, empty where JupyterHub does that.
    """

    alive: bool
    url: str = ""
    login: str = ""


class LabAccounts(Protocol):
    """Says under which account a user's lab runs."""

    def account(self, user: str) -> Account:
        """Return the account.

        Raises
        ------
        Forbidden
            The user may have no lab here; with the reason.
        LabsUnavailable
            Nobody may: what labs are made of is not installed.
        """
        ...

    @property
    def image(self) -> str:
        """The reference, with a tag, of what labs are made of."""
        ...


class LabBackend(Protocol):
    """Runs labs.

    Guarantees
    ----------
    - A lab is known by its id, also by a server that did not start it.
    - Labs live on when the server ends.
    - What `delete` returned for is gone with all that it had started.
    - A failure is a `LabFailed` whose words are for the lab's user.
    """

    async def create(self, order: LabOrder) -> str:
        """Start a lab and return the address at which it will serve."""
        ...

    def ready(self, lab: str) -> AsyncIterator[str]:
        """Yield messages until the lab serves.

        Raises
        ------
        LabFailed
            It has ended instead.
        """
        ...

    async def put_file(self, lab: str, name: str, text: str) -> None:
        """Write a file into the folder that the lab shows; `name` has no slash."""
        ...

    async def delete(self, lab: str) -> None:
        """End a lab, whatever is left of it; nothing happens if nothing is."""
        ...

    async def observe(self) -> Mapping[str, Seen]:
        """Return what is there, by the labs' ids: also what nobody asked for."""
        ...
