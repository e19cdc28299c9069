"""Labs that are nothing but records, which do what a test wants of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from quire.errors import Forbidden
from quire.labs.errors import LabFailed
from quire.labs.lab import Account, Group
from quire.ports.lab_backend import LabOrder, Seen


class FakeAccounts:
    """Everybody has an account, but for those who are said to have none."""

    def __init__(self, *, nobody: frozenset[str] = frozenset()) -> None:
        self._nobody = nobody

    @property
    def image(self) -> str:
        """The reference of what labs are made of."""
        return "fake.local/lab:1.0"

    def account(self, user: str) -> Account:
        """Return an account."""
        if user in self._nobody:
            raise Forbidden(user, "an account")
        group = Group(name=user, id=1101)
        return Account(
            name=user, uid=1101, gid=1101, home=f"/home/{user}", groups=(group,)
        )


class FakeLabs:
    """A `quire.ports.lab_backend.LabBackend` that starts nothing.

    Attributes
    ----------
    says
        What is told while a lab comes up.
    go_on
        Cleared, a lab does not get ready until it is set.
    create_fails, ready_fails, delete_fails
        Why that does not work; empty where it does.
    orders, files
        What was asked for.
    """

    def __init__(self) -> None:
        self.says = ["Autoscaling cluster for reasons", "Mounting all the things"]
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.may_delete = asyncio.Event()
        self.may_delete.set()
        self.create_fails = self.ready_fails = self.delete_fails = ""
        self.orders: list[LabOrder] = []
        self.files: dict[tuple[str, str], str] = {}
        self.deleted: list[str] = []
        self._there: dict[str, Seen] = {}

    async def create(self, order: LabOrder) -> str:
        """Note the order and return an address."""
        self.orders.append(order)
        if self.create_fails:
            raise LabFailed(self.create_fails)
        url = f"http://lab.example:8888{order.prefix}"
        self._there[order.id] = Seen(alive=True, url=url, login=f"{url}lab?token=t")
        return url

    async def ready(self, lab: str) -> AsyncIterator[str]:
        """Say what is to be said, wait if that is wanted, fail if that is."""
        for message in self.says:
            yield message
        await self.go_on.wait()
        if self.ready_fails:
            raise LabFailed(self.ready_fails)
        if not self._there.get(lab, Seen(alive=False)).alive:
            raise LabFailed("it has ended")

    async def put_file(self, lab: str, name: str, text: str) -> None:
        """Keep a file."""
        if lab not in self._there:
            raise LabFailed("the lab is not there")
        self.files[lab, name] = text

    async def delete(self, lab: str) -> None:
        """Forget a lab."""
        await self.may_delete.wait()
        if self.delete_fails:
            raise LabFailed(self.delete_fails)
        self.deleted.append(lab)
        self._there.pop(lab, None)

    async def observe(self) -> Mapping[str, Seen]:
        """Return what is there."""
        return dict(self._there)

    def end(self, lab: str) -> None:
        """Let a lab end by itself."""
        self._there[lab] = Seen(alive=False)

    def stray(self, lab: str) -> None:
        """Let there be a lab that nobody asked for."""
        self._there[lab] = Seen(alive=True)
