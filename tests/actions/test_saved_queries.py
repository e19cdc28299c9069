from typing import Any

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.saved_queries import QueryDraft, SavedQueries, names_of
from quire.actions.search import Question, Search
from quire.errors import Conflict, Forbidden, InputError, NotFound
from quire.ports.run_finder import RunOrder
from quire.ports.store import Transaction
from quire.runs.query.errors import QueryError, UnknownName
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.text_form import to_text
from quire.runs.run import Run
from quire.runs.run_list import Member, RunList
from quire.runs.saved_query import SavedQuery, Visibility
from quire.runs.searchable import describe
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.still_clock import StillClock

ANN, BEN = (Principal(name=name) for name in ("ann", "ben"))
ADMIN = Principal(name="root", scopes=frozenset({Scope.ADMIN_ALL}))
PARSER = QueryParser(FieldRegistry())


class Desk:
    """Saved queries over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore(doorbell=LocalDoorbell())
        self.clock = StillClock(1.8e9)
        self.queries = SavedQueries(self.store, PARSER, self.clock)

    async def save(
        self,
        who: Principal,
        name: str,
        query: str | dict[str, Any],
        *,
        shared: bool = False,
    ) -> SavedQuery:
        visibility = Visibility.SHARED if shared else Visibility.PRIVATE
        draft = QueryDraft(query=query, visibility=visibility)
        return await self.queries.save(name, draft, who)

    async def meant(self, who: Principal, text: str) -> str:
        now = self.clock.now()
        return await self.store.view(
            lambda tx: to_text(
                PARSER.resolving(names_of(tx, who.name)).parse(text, now=now)
            )
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_name_stands_for_ones_own_query_then_for_a_shared_one(
    desk: Desk,
) -> None:
    await desk.save(ANN, "good", "flag.DCH = good", shared=True)
    assert await desk.meant(BEN, "not @good") == 'not flag.DCH = "good"'
    await desk.save(BEN, "good", {"field": "scan_id", "op": ">", "value": 5})
    assert await desk.meant(BEN, "not @good") == "not scan_id > 5"
    assert await desk.meant(ANN, "not @good") == 'not flag.DCH = "good"'
    await desk.queries.delete("good", BEN)
    assert await desk.meant(BEN, "not @good") == 'not flag.DCH = "good"'


async def test_names_in_a_shared_query_are_those_of_its_owner(desk: Desk) -> None:
    await desk.save(ANN, "base", "scan_id > 1")
    await desk.save(ANN, "good", "@base and run > 2", shared=True)
    await desk.save(BEN, "base", "scan_id > 100")
    assert await desk.meant(BEN, "@good") == "scan_id > 1 and run > 2"
    # The same name of two owners is no circle.
    await desk.save(ANN, "outer", "@good", shared=True)
    await desk.save(BEN, "good", "@outer or run = 9")
    assert await desk.meant(BEN, "@good") == "(scan_id > 1 and run > 2) or run = 9"


async def test_a_name_may_be_that_of_a_frozen_list(desk: Desk) -> None:
    def put(tx: Transaction) -> None:
        for version in (2, 10, 1):
            tx.run_lists.put(
                RunList(
                    name="golden",
                    version=version,
                    query="run = 1",
                    author="ann",
                    at=1.0,
                    members=(),
                    data_version="",
                )
            )

    await desk.store.decide(put)
    meant = 'not run_lists = "golden@10" and run_lists = "golden@2"'
    assert await desk.meant(BEN, "not @golden and run_lists = golden@2") == meant
    await desk.save(BEN, "golden", "run = 9")
    assert await desk.meant(BEN, "@golden") == "run = 9"


async def test_a_list_that_is_being_made_is_not_meant_yet(desk: Desk) -> None:
    async def put(version: int, tagged: int) -> None:
        frozen = RunList(
            name="golden",
            version=version,
            query="run = 1",
            author="ann",
            at=1.0,
            members=(Member(uid="a"), Member(uid="b")),
            data_version="",
            tagged=tagged,
        )
        await desk.store.decide(lambda tx: tx.run_lists.put(frozen))

    await put(1, 1)
    with pytest.raises(UnknownName):
        await desk.meant(ANN, "@golden")
    await put(1, 2)
    await put(2, 1)
    assert await desk.meant(ANN, "@golden") == 'run_lists = "golden@1"'
    await put(2, 2)
    assert await desk.meant(ANN, "@golden") == 'run_lists = "golden@2"'


async def test_now_is_the_moment_of_the_use(desk: Desk) -> None:
    await desk.save(ANN, "lately", "time > now - 1 d")
    desk.clock.advance(86_400)
    assert await desk.meant(ANN, "@lately") == f"time > {1.8e9!r}"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("scan_id >", "/query"),
        ("@nobody", "/query"),
        ("@own or run = 1", "/query"),
        ("@second", "/query"),
        (
            {"and": [{"field": "scan_id", "op": "=", "value": "x"}]},
            "/query/and/0/value",
        ),
    ],
)
async def test_what_cannot_be_asked_is_not_saved(
    desk: Desk, query: str | dict[str, Any], field: str
) -> None:
    await desk.save(ANN, "own", "run = 1")
    await desk.save(ANN, "second", "@own")
    with pytest.raises(QueryError) as refused:
        await desk.save(ANN, "own", query)
    assert refused.value.field == field
    assert (await desk.queries.get("own", ANN)).version == 1


async def test_a_name_is_a_word(desk: Desk) -> None:
    for name in ("", "1a", "a b", "@a", "a.b", "a" * 101, "-a"):
        with pytest.raises(InputError) as refused:
            await desk.save(ANN, name, "run = 1")
        assert refused.value.field == "name"
    for name in ("a", "Größe-2_b", "a" * 100):
        await desk.save(ANN, name, "run = 1")
        assert await desk.meant(ANN, f"@{name} and run = 2") == "run = 1 and run = 2"


async def test_private_queries_are_nobody_elses(desk: Desk) -> None:
    await desk.save(ANN, "mine", "run = 1")
    with pytest.raises(UnknownName):
        await desk.meant(BEN, "@mine")
    for owner in (None, "ann"):
        with pytest.raises(NotFound):
            await desk.queries.get("mine", BEN, owner=owner)
        with pytest.raises(NotFound):
            await desk.queries.versions("mine", BEN, owner=owner, limit=9)
        with pytest.raises(NotFound):
            await desk.queries.delete("mine", BEN, owner=owner)
    assert await desk.queries.listed(BEN, behind=("", ""), limit=9) == ()
    assert (await desk.queries.get("mine", ADMIN, owner="ann")).query == "run = 1"


async def test_versions_are_kept_and_those_that_were_private_stay_so(
    desk: Desk,
) -> None:
    for number in (1, 2):
        await desk.save(ANN, "q", f"run = {number}", shared=number == 2)
    seen = await desk.queries.versions("q", BEN, owner=None, limit=9)
    assert [one.query for one in seen] == ["run = 2"]
    desk.clock.advance(5)
    await desk.queries.delete("q", ANN)
    for who, owner in ((ANN, None), (ADMIN, "ann")):
        kept = await desk.queries.versions("q", who, owner=owner, limit=9)
        assert [(one.version, one.deleted) for one in kept] == [
            (3, True),
            (2, False),
            (1, False),
        ]
        assert kept[0].at == 1.8e9 + 5
    with pytest.raises(NotFound):
        await desk.queries.get("q", ANN)
    with pytest.raises(NotFound):
        await desk.queries.versions("q", BEN, owner="ann", limit=9)
    assert (await desk.save(ANN, "q", "run = 4")).version == 4


async def test_a_shared_name_is_taken(desk: Desk) -> None:
    await desk.save(ANN, "q", "run = 1", shared=True)
    await desk.save(BEN, "q", "run = 2")
    with pytest.raises(Conflict):
        await desk.save(BEN, "q", "run = 3", shared=True)
    assert (await desk.queries.get("q", BEN)).query == "run = 2"
    await desk.queries.delete("q", ANN)
    await desk.save(BEN, "q", "run = 3", shared=True)
    assert await desk.meant(ANN, "@q") == "run = 3"


async def test_who_may_take_a_shared_one_away(desk: Desk) -> None:
    await desk.save(ANN, "q", "run = 1", shared=True)
    with pytest.raises(Forbidden):
        await desk.queries.delete("q", BEN)
    await desk.queries.delete("q", ADMIN)
    with pytest.raises(NotFound):
        await desk.queries.delete("q", ADMIN)


async def test_the_list_has_what_one_may_see(desk: Desk) -> None:
    await desk.save(ANN, "b", "run = 1", shared=True)
    await desk.save(ANN, "a", "run = 1")
    await desk.save(BEN, "c", "run = 1")
    names: dict[str, list[str]] = {}
    for who in (ANN, BEN, ADMIN):
        found = await desk.queries.listed(who, behind=("", ""), limit=9)
        names[who.name] = [one.name for one in found]
    assert names == {"ann": ["a", "b"], "ben": ["b", "c"], "root": ["a", "b", "c"]}


async def test_an_export_goes_on_with_what_a_name_stood_for(desk: Desk) -> None:
    many = [
        Run(uid=f"{number:08}", owner="ann", time=float(number))
        for number in range(1_001)
    ]

    def kept(tx: Transaction) -> None:
        for run in many:
            tx.runs.put(run)

    await desk.store.decide(kept)
    await desk.save(ANN, "good", "time >= 0")
    search = Search(desk.store, PARSER, describe(), desk.clock)
    good = Question(text="@good")
    blocks = await search.export(good, ["uid"], ANN, order=RunOrder.NEWEST)
    rows = await anext(blocks)
    await desk.save(ANN, "good", "time > 0")
    rows += [one async for block in blocks for one in block]
    assert rows == [[run.uid] for run in reversed(many)]
