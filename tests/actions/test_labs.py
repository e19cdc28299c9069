"""What becomes of labs when servers end, over labs that are made up."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from quire.access.principals import Principal, Scope
from quire.access.tokens import TokenUse
from quire.actions.lab_operations import LabOperations
from quire.actions.labs import Labs, Wanted
from quire.actions.tokens import Tokens
from quire.clock import RandomIds
from quire.errors import Unauthenticated
from quire.labs.errors import LabBusy, LabDeleteFailed
from quire.labs.lab import Act, Lab, LabOptions, LabStatus
from quire.labs.settings import LabSettings
from quire.progress.event import ProgressType
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.fake_labs import FakeAccounts, FakeLabs
from quire.testing.still_clock import StillClock
from quire.testing.waiting import PATIENCE

RACHEL = Principal(name="rachel", scopes=frozenset({Scope.LABS_RUN}))
WANTED = Wanted(
    options=LabOptions(image="fake.local/lab:1.0", size="small"),
    prefix="/",
    server="http://127.0.0.1:1",
)


class Place:
    """A store and a backend, before which servers come and go."""

    def __init__(self, settings: LabSettings | None = None) -> None:
        self.store = MemoryStore(doorbell=LocalDoorbell())
        self.backend = FakeLabs()
        self._settings = settings or LabSettings()
        self.tokens: Tokens

    def server(self, place: str = "here") -> Labs:
        clock = StillClock(1.0)
        self.tokens = Tokens(self.store, clock)
        operations = LabOperations(
            self.store, self.backend, self.tokens, clock, self._settings
        )
        return Labs(
            self.store,
            self.backend,
            FakeAccounts(),
            operations,
            clock=clock,
            ids=RandomIds(),
            settings=self._settings,
            place=place,
        )

    async def lab(self) -> Lab:
        found = await self.store.view(lambda tx: tx.labs.get("rachel"))
        assert found is not None
        return found

    async def told(self) -> list[tuple[ProgressType, str, int | None]]:
        lab = await self.lab()
        entries = await self.store.view(lambda tx: tx.progress.entries(lab.id, 0, 99))
        return [(e.event.type, e.event.message, e.event.progress) for e in entries]

    async def put(self, lab: Lab) -> None:
        await self.store.decide(lambda tx: tx.labs.put(lab))

    async def lab_url(self) -> str:
        return (await self.lab()).url

    async def running(self, labs: Labs) -> Lab:
        await labs.create(WANTED, RACHEL)
        await self.until(LabStatus.RUNNING)
        return await self.lab()

    async def until(self, status: LabStatus) -> None:
        async def reached() -> bool:
            return (await self.lab()).status is status

        await until(reached)


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0)


@pytest.fixture
def place() -> Place:
    return Place()


async def test_a_start_that_was_under_way_has_failed(place: Place) -> None:
    killed = place.server()
    place.backend.go_on.clear()
    await killed.create(WANTED, RACHEL)
    await until(place.lab_url)
    await place.server().start()
    told = await place.told()
    assert told[-1] == (ProgressType.FAILED, "Lab spawn failed", None)
    assert "the server ended while" in told[-2][1]
    lab = await place.lab()
    assert (lab.status, lab.act, lab.url) == (LabStatus.FAILED, None, "")
    assert place.backend.deleted == [lab.id]
    secret = place.backend.orders[0].env["QUIRE_TOKEN"]
    with pytest.raises(Unauthenticated):
        await place.tokens.admit(secret, TokenUse.API)


async def test_a_deletion_that_was_under_way_goes_on(place: Place) -> None:
    lab = await place.running(place.server())
    await place.put(replace(lab, status=LabStatus.TERMINATING, act=Act.DELETE))
    await place.server().start()
    await place.until(LabStatus.GONE)
    assert place.backend.deleted == [lab.id]
    assert (await place.told())[-1][0] is ProgressType.COMPLETE


async def test_a_lab_that_runs_is_ours_again(place: Place) -> None:
    lab = await place.running(place.server())
    labs = place.server()
    await labs.start()
    assert await labs.running() == ("rachel",)
    assert await place.lab() == lab
    secret = place.backend.orders[0].env["QUIRE_TOKEN"]
    assert (await place.tokens.admit(secret, TokenUse.API)).name == "rachel"


async def test_a_lab_that_ended_meanwhile_is_terminated(place: Place) -> None:
    lab = await place.running(place.server())
    place.backend.end(lab.id)
    labs = place.server()
    await labs.start()
    assert (await place.lab()).status is LabStatus.TERMINATED
    assert await labs.running() == ()
    assert await labs.login("rachel") == ""


async def test_what_runs_elsewhere_is_left_alone(place: Place) -> None:
    lab = await place.running(place.server("elsewhere"))
    place.backend.end(lab.id)
    labs = place.server("here")
    place.backend.stray("other")
    lab_elsewhere = await place.lab()
    await labs.start()
    assert await place.lab() == lab_elsewhere
    with pytest.raises(LabDeleteFailed, match="elsewhere"):
        await labs.delete("rachel")


async def test_a_server_that_stops_ends_what_it_starts(place: Place) -> None:
    labs = place.server()
    place.backend.go_on.clear()
    await labs.create(WANTED, RACHEL)
    await until(lambda: place.backend.orders)
    await labs.stop()
    lab = await place.lab()
    assert (lab.status, lab.act) == (LabStatus.FAILED, None)
    assert (await place.told())[-1] == (
        ProgressType.FAILED,
        "Operation cancelled",
        None,
    )
    assert await place.backend.observe() == {}


async def test_the_log_is_a_row_of_acts(place: Place) -> None:
    labs = place.server()
    first = await place.running(labs)
    await labs.delete("rachel")
    again = await place.running(labs)
    assert again.id == first.id
    told = await place.told()
    ends = [place for place, one in enumerate(told) if one[0].final]
    assert len(ends) == 3
    assert ends[-1] == len(told) - 1
    begin = 0
    for end in ends:
        percents = [one[2] for one in told[begin:end] if one[2] is not None]
        assert percents == sorted(percents)
        assert percents[0] == 1
        begin = end + 1


async def test_nobody_has_two_labs(place: Place) -> None:
    labs = place.server()
    place.backend.go_on.clear()
    created = await asyncio.gather(
        *(labs.create(WANTED, RACHEL) for _ in range(5)), return_exceptions=True
    )
    busy = [one for one in created if isinstance(one, LabBusy)]
    assert len(busy) == 4
    place.backend.go_on.set()
    await place.until(LabStatus.RUNNING)
    assert len(place.backend.orders) == 1


async def test_a_deletion_has_its_time() -> None:
    place = Place(LabSettings(delete_seconds=0.05))
    labs = place.server()
    await place.running(labs)
    place.backend.may_delete.clear()
    with pytest.raises(LabDeleteFailed, match=r"within 0\.05 s"):
        await labs.delete("rachel")
    assert (await place.lab()).status is LabStatus.FAILED
    told = await place.told()
    assert [one[0] for one in told[-2:]] == [ProgressType.ERROR, ProgressType.FAILED]
    assert "rachel" in told[-2][1]
