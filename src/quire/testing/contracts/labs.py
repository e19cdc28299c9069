"""The guarantees of the port of labs."""

import pytest
from msgspec.structs import replace

from quire.labs.lab import (
    Account,
    Act,
    Group,
    Lab,
    LabOptions,
    LabStatus,
    Resources,
)
from quire.ports.store import Store, Transaction
from quire.testing.contracts.fixtures import ODD_UIDS, ContractFixtures, uuid


def lab(user: str, operation: str) -> Lab:
    """Return a lab with something in every field."""
    return Lab(
        user=user,
        id=operation,
        status=LabStatus.PENDING,
        act=Act.SPAWN,
        options=LabOptions(image="a/b:1", size="small", enable_debug=True),
        account=Account(
            name="ä",
            uid=1101,
            gid=1102,
            home="/home/ä",
            groups=(Group(name="g", id=1102), Group(name="h", id=7)),
        ),
        limits=Resources(cpu=0.5, memory=2**40),
        prefix=f"/nb/user/{user}/",
        url="http://127.0.0.1:1/",
        token="0" * 64,
        place="here:/data",
        opens="run.ipynb",
        created=0.25,
        changed=1.5,
    )


async def _put(store: Store, *labs: Lab) -> None:
    def put(transaction: Transaction) -> None:
        for each in labs:
            transaction.labs.put(each)

    await store.decide(put)


class LabsContract(ContractFixtures):
    """Labs by their users and by their ids."""

    async def test_a_lab_is_found_by_its_user_and_by_its_id(self, store: Store) -> None:
        """However odd both are; as it was put last."""
        users = [f"u{user}" for user in ODD_UIDS]
        labs = [lab(*pair) for pair in zip(users, ODD_UIDS, strict=True)]
        await _put(store, *labs)
        for each in labs:
            user, name = each.user, each.id
            assert await store.view(lambda t, u=user: t.labs.get(u)) == each  # type: ignore[misc]
            found = await store.view(lambda t, n=name: t.labs.of_operation(n))  # type: ignore[misc]
            assert found == each
        changed = replace(labs[0], status=LabStatus.GONE, act=None, id=uuid(99))
        await _put(store, changed)
        assert await store.view(lambda t: t.labs.get(changed.user)) == changed
        assert await store.view(lambda t: t.labs.of_operation(labs[0].id)) is None
        assert await store.view(lambda t: t.labs.of_operation(uuid(99))) == changed
        assert await store.view(lambda t: t.labs.get("nobody")) is None
        assert await store.view(lambda t: t.labs.of_operation("none")) is None

    async def test_all_come_by_their_users_names(self, store: Store) -> None:
        """In the order of their characters' code points."""
        users = ["b", "é", "a", "B", "\U0001f52d", "a b"]
        for number, user in enumerate(users):
            await _put(store, lab(user, uuid(number)))
        found = await store.view(lambda t: t.labs.all())
        assert [each.user for each in found] == sorted(users)

    async def test_a_decision_that_fails_puts_nothing(self, store: Store) -> None:
        """All of it is taken back."""
        former = lab("a", uuid(1))

        def fail(transaction: Transaction) -> None:
            transaction.labs.put(replace(former, url=""))
            transaction.labs.put(lab("b", uuid(2)))
            raise LookupError("no")

        await _put(store, former)
        with pytest.raises(LookupError):
            await store.decide(fail)
        assert await store.view(lambda t: t.labs.all()) == (former,)
