"""All runs, as a tiled server and its clients see them."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import HTTPException
from tiled.server.core import NoEntry  # type: ignore[import-untyped]
from tiled.structures.container import (  # type: ignore[import-untyped]
    ContainerStructure,
)
from tiled.structures.core import (  # type: ignore[import-untyped]
    Spec,
    StructureFamily,
)

from quire.client.orders import order_of
from quire.client.queries import Form
from quire.tiled.counts import Counts
from quire.tiled.places import STRIDE, Places, from_number, to_number
from quire.tiled.queries import condition
from quire.tiled.refusing import ReadOnly, asked
from quire.tiled.run import RunAdapter
from quire.tiled.source import MOST_VALUES, Page, Question, Source

TOKEN = "quire_token"  # noqa: S105 - where a session keeps one
_USERS = 64
_OWN_ORDER = ("", "_")  # as tiled's clients name it


class Lists:
    """What is remembered of lists of runs, and of who asked with a token of their own."""

    def __init__(self) -> None:
        self.places = Places()
        self.counts = Counts()
        self._users: OrderedDict[str, RunsAdapter] = OrderedDict()

    def of_user(self, token: str, make: Callable[[], "RunsAdapter"]) -> "RunsAdapter":
        """Return the runs that a token may see, made anew if it was long not here."""
        found = self._users.pop(token, None) or make()
        self._users[token] = found
        if len(self._users) > _USERS:
            self._users.popitem(last=False)
        return found


class RunsAdapter(ReadOnly):
    """The runs that satisfy all queries, the oldest first unless sorted otherwise.

    So the last of them is the newest by its start, whenever it was put in.
    """

    structure_family = StructureFamily.container

    def __init__(
        self,
        source: Source,
        question: Question | None = None,
        lists: Lists | None = None,
    ) -> None:
        self._source = source
        self._question = question or Question()
        self._lists = lists or Lists()
        self.specs = [Spec("CatalogOfBlueskyRuns", version="3.0")]

    def metadata(self) -> dict[str, Any]:
        """Return nothing: all there is to say is said of runs."""
        return {}

    def structure(self) -> ContainerStructure:
        """Return nothing that takes time."""
        return ContainerStructure(keys=[])

    def search(self, query: Any) -> "RunsAdapter":
        """Return those that satisfy another query, too.

        Raises
        ------
        QueryValueError, UnsupportedQueryType
            It cannot be asked.
        """
        forms = (*self._question.forms, condition(query))
        return self._with(msgspec.structs.replace(self._question, forms=forms))

    def sort(self, sorting: Sequence[tuple[str, int]]) -> "RunsAdapter":
        """Return the same in another order.

        Raises
        ------
        HTTPException
            There is no such order.
        """
        by = [("time" if key in _OWN_ORDER else key, way) for key, way in sorting]
        try:
            order = order_of(by or (("time", 1),))
        except ValueError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from None
        return self._with(msgspec.structs.replace(self._question, order=order))

    async def exact_len(self) -> int:
        """Return how many runs there are."""
        few = await self._few()
        if few is not None:
            return len(few)
        return await self._lists.counts.get(
            self._question.key, lambda: asked(self._source.count, self._question)
        )

    async def lookup_adapter(self, segments: list[str]) -> Any:
        """Return a run by its whole uid, or what lies below it.

        Raises
        ------
        NoEntry
            There is none, or it is not among those that were searched for.
        """
        uid, *rest = segments
        record = await asked(self._source.record, uid)
        if record["uid"] != uid or not await self._has(record):
            raise NoEntry(segments)
        run = RunAdapter(self._source, record)
        return await run.lookup_adapter(rest) if rest else run

    async def _has(self, record: dict[str, Any]) -> bool:
        if not self._question.forms:
            return True
        this: list[Form] = [{"field": "uid", "op": "=", "value": record["uid"]}]
        if record["time"] is not None:  # it leads there fast, among many
            ends = {"low": record["time"], "high": record["time"]}
            this.append({"field": "time", "op": "between", **ends})
        question = Question(forms=(*self._question.forms, *this))
        page = await asked(self._source.page, question, 1, None, full=False)
        return bool(page.runs)

    async def keys_page(
        self, cursor: int | None, limit: int
    ) -> tuple[list[str], int | None]:
        """Return a page of uids, and where the next begins."""
        page = await self._paged(cursor, limit, full=False)
        return [run["uid"] for run in page.runs], to_number(page.following)

    async def items_page(
        self, cursor: int | None, limit: int
    ) -> tuple[list[tuple[str, Any]], int | None]:
        """Return a page of runs by uid, and where the next begins."""
        page = await self._paged(cursor, limit, full=True)
        return [self._item(run) for run in page.runs], to_number(page.following)

    async def keys_range(self, offset: int = 0, limit: int | None = None) -> list[str]:
        """Return some uids."""
        return [key for key, _ in await self.items_range(offset, limit)]

    async def items_range(
        self, offset: int = 0, limit: int | None = None
    ) -> list[tuple[str, Any]]:
        """Return some runs by uid, a page at most.

        Raises
        ------
        HTTPException
            All are asked for at once.
        """
        if limit is None or limit > STRIDE:
            words = f"at most {STRIDE} runs at once; a catalog is not exported whole"
            raise HTTPException(HTTPStatus.BAD_REQUEST, words)
        cursor = await self.cursor_for_offset(offset)
        if cursor is None and offset:
            return []
        return (await self.items_page(cursor, limit))[0]

    async def cursor_for_offset(self, offset: int) -> int | None:
        """Return where a page begins that begins at an offset; None beyond the end."""
        if await self._few() is not None:
            return None
        key, places = self._question.key, self._lists.places
        at, cursor = places.nearest(key, offset)
        while at < offset:
            limit = min(STRIDE, offset - at)
            page = await self._page(limit, cursor, full=False)
            at, cursor = at + limit, page.following
            if cursor is None:
                return None
            places.put(key, at, cursor)
        return to_number(cursor)

    async def get_distinct(
        self,
        metadata: Sequence[str],
        families: bool,  # noqa: FBT001 - as tiled calls it
        specs: bool,  # noqa: FBT001
        counts: bool,  # noqa: FBT001
    ) -> dict[str, Any]:
        """Return the values of fields, the most frequent first, as tiled does.

        Raises
        ------
        HTTPException
            A field has too many of them.
        """
        found: dict[str, Any] = {}
        if metadata:
            found["metadata"] = {
                key: await self._values(key, counts=counts) for key in metadata
            }
        whole = await self.exact_len() if (families or specs) and counts else None
        if families:
            found["structure_families"] = [{"value": "container", "count": whole}]
        if specs:
            own = [{"name": "BlueskyRun", "version": "3.0"}]
            found["specs"] = [{"value": own, "count": whole}]
        return found

    async def read(self, fields: Sequence[str] | None = None) -> "RunsAdapter":
        """Return itself, to be exported."""
        del fields
        return self

    def with_session_state(self, state: dict[str, Any]) -> "RunsAdapter":
        """Return the runs of the token that a user's session holds, if it does."""
        token = state.get(TOKEN)
        if not token:
            return self
        return self._lists.of_user(
            token, lambda: RunsAdapter(self._source.seen_by(token), self._question)
        )

    async def _values(self, key: str, *, counts: bool) -> list[dict[str, Any]]:
        values = await asked(self._source.distinct, self._question, key)
        if len(values) >= MOST_VALUES:
            words = f"{key} has {MOST_VALUES} values or more; narrow the search"
            raise HTTPException(HTTPStatus.BAD_REQUEST, words)
        return [
            {"value": one["value"], "count": one["runs"] if counts else None}
            for one in values
        ]

    async def _paged(self, cursor: int | None, limit: int, *, full: bool) -> Page:
        few = await self._few() if cursor is None else None
        if few is not None or not limit:
            return Page(runs=(few or [])[:limit], following=None)
        return await self._page(limit, from_number(cursor), full=full)

    async def _page(self, limit: int, cursor: str | None, *, full: bool) -> Page:
        return await asked(self._source.page, self._question, limit, cursor, full=full)

    async def _few(self) -> list[dict[str, Any]] | None:
        """Return the run that a uid names, None if something else is asked."""
        uid = self._question.named
        return None if uid is None else await asked(self._source.named, uid)

    def _item(self, record: dict[str, Any]) -> tuple[str, RunAdapter]:
        return record["uid"], RunAdapter(self._source, record)

    def _with(self, question: Question) -> "RunsAdapter":
        return RunsAdapter(self._source, question, self._lists)
