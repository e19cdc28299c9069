"""What every place where labs run must do; subclass it and give the fixtures."""

import contextlib
from collections.abc import Callable

import pytest

from quire.labs.errors import LabFailed
from quire.labs.lab import Account, LabOptions, Resources
from quire.ports.lab_backend import LabBackend, LabOrder

MakeBackend = Callable[[], LabBackend]
_LAB = "11111111-1111-4111-8111-111111111111"
_OTHER = "22222222-2222-4222-8222-222222222222"


def order(account: Account, lab: str = _LAB, user: str = "rachel") -> LabOrder:
    """Return an order for a lab."""
    return LabOrder(
        id=lab,
        user=user,
        account=account,
        options=LabOptions(image="fake.local/lab:1.0", size="small"),
        limits=Resources(cpu=1.0, memory=3 * 1024**3),
        prefix=f"/nb/user/{user}/",
        env={"QUIRE_TEST": "ä"},
    )


class LabBackendContract:
    """Override the fixtures."""

    @pytest.fixture
    def account(self) -> Account:
        """Return an account under which a lab can run."""
        raise NotImplementedError

    @pytest.fixture
    def backend(self) -> LabBackend:
        """Return a backend without labs."""
        raise NotImplementedError

    async def end(self, backend: LabBackend, lab: str) -> None:
        """Let a lab end by itself."""
        raise NotImplementedError

    async def test_a_lab_is_created_gets_ready_and_is_deleted(
        self, backend: LabBackend, account: Account
    ) -> None:
        """Its address is known at once, it tells how it comes up, nothing stays."""
        wanted = order(account)
        url = await backend.create(wanted)
        assert url.endswith(wanted.prefix)
        assert [message async for message in backend.ready(_LAB)]
        seen = (await backend.observe())[_LAB]
        assert seen.alive
        assert seen.url == url
        assert seen.login.startswith(url)
        await backend.delete(_LAB)
        assert _LAB not in await backend.observe()

    async def test_deleting_nothing_is_fine(self, backend: LabBackend) -> None:
        """However often."""
        for _ in range(2):
            await backend.delete(_LAB)

    async def test_labs_do_not_mind_each_other(
        self, backend: LabBackend, account: Account
    ) -> None:
        """One is deleted, the other stays."""
        one = await backend.create(order(account))
        other = await backend.create(order(account, _OTHER, "other"))
        assert one != other
        await backend.delete(_LAB)
        assert [message async for message in backend.ready(_OTHER)]
        seen = await backend.observe()
        assert set(seen) == {_OTHER}
        await backend.delete(_OTHER)

    async def test_a_lab_that_ended_is_not_alive(
        self, backend: LabBackend, account: Account
    ) -> None:
        """What is left of it goes when it is deleted, or stands in nobody's way."""
        await backend.create(order(account))
        assert [message async for message in backend.ready(_LAB)]
        await self.end(backend, _LAB)
        seen = await backend.observe()
        assert _LAB not in seen or not seen[_LAB].alive
        with pytest.raises(LabFailed):
            async for _ in backend.ready(_LAB):
                pass
        await backend.delete(_LAB)
        assert _LAB not in await backend.observe()
        await backend.create(order(account))
        assert [message async for message in backend.ready(_LAB)]
        await backend.delete(_LAB)

    async def test_files_go_into_a_lab_that_is_there(
        self, backend: LabBackend, account: Account
    ) -> None:
        """Again in place of the former; a lab that is not there has no files."""
        await backend.create(order(account))
        for text in ("one", "ä two"):
            await backend.put_file(_LAB, "a b.ipynb", text)
        await backend.delete(_LAB)
        with pytest.raises(LabFailed):
            await backend.put_file(_OTHER, "a.ipynb", "")

    async def test_a_start_that_is_cancelled_leaves_nothing(
        self, backend: LabBackend, account: Account
    ) -> None:
        """Once it has been deleted."""
        await backend.create(order(account))
        with contextlib.suppress(StopAsyncIteration):
            waiting = backend.ready(_LAB)
            await anext(waiting)
            await waiting.aclose()  # type: ignore[attr-defined]
        await backend.delete(_LAB)
        assert await backend.observe() == {}
