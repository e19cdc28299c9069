"""Column views with short stretches, and open runs that are hard to show."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from quire.access.principals import Principal, Scope
from quire.actions.columns import ColumnViews
from quire.actions.external import ExternalData
from quire.actions.ingest import Ingest
from quire.actions.made_columns import Making
from quire.assets.registry import AssetFiles
from quire.documents.document import Document
from quire.ports.asset_reader import AssetReader
from quire.ports.store import Store, Transaction
from quire.runs.columns.gathering import column_view
from quire.runs.columns.layout import ColumnView
from quire.runs.columns.selection import Selection
from quire.storage.parquet.files import ParquetFiles
from quire.testing.documents import (
    as_ndjson,
    as_page,
    document,
    make_descriptor,
    make_event,
    make_run,
    make_uid,
)

STAFF = Principal(name="staff", scopes=frozenset({Scope.ADMIN_ALL}))
STRETCH = 3
NO_ASSETS = AssetFiles([], {})
WHOLE = Selection(uids=True, descriptors=True, superseded=True)


class Stand:
    """A store, its column views with short stretches, and what was sent."""

    def __init__(
        self,
        store: Store,
        ingest: Ingest,
        folder: Path,
        *,
        rest: float = 0.0,
        assets: AssetReader = NO_ASSETS,
    ) -> None:
        self.files = ParquetFiles(folder)
        self.views = ColumnViews(
            store,
            self.files,
            ExternalData(store, assets),
            Making(least_rows=2, stretch_rows=STRETCH, rest=rest),
        )
        self._store = store
        self._ingest = ingest
        self._folder = folder

    async def send(self, documents: Sequence[Document]) -> None:
        receipt = await self._ingest(
            as_ndjson(documents), "application/x-ndjson", STAFF
        )
        assert not receipt.refused

    async def shown(
        self, run: str, stream: str = "primary", selection: Selection = WHOLE
    ) -> Any:
        opened = await self.views.open(run, stream, STAFF, by=None, selection=selection)
        return pa.concat_tables([opened.schema.empty_table(), *opened.tables()])

    async def expected(self, run: str, stream: str = "primary") -> Any:
        """Return the same made of the stored documents at one go."""

        def look(tx: Transaction) -> ColumnView:
            stored = list(tx.documents.of_run(run))
            documents = [
                (document(one.name, body_of(one.raw)), one.repeated) for one in stored
            ]
            return column_view(stream, documents)

        view = await self._store.view(look)
        return view.table.select(WHOLE.names(view.table.schema))

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.rglob("*.*"))


def body_of(raw: bytes) -> dict[str, Any]:
    import jiter

    body: dict[str, Any] = jiter.from_json(raw, allow_inf_nan=True)
    return body


def same(found: Any, expected: Any) -> bool:
    """Return whether two tables are alike, NaN being like NaN."""
    return bool(
        pa.schema(list(found.schema)).equals(
            pa.schema(list(expected.schema)), check_metadata=True
        )
        and repr(found.to_pylist()) == repr(expected.to_pylist())
    )


def events(*numbers: int) -> list[Document]:
    return [document("event", make_event("s", n, ["key0", "key1"])) for n in numbers]


OPENING = make_run("s", 0, exit_status=None)
STOP = make_run("s", 0)[-1]
RUN = make_uid("s", "start")

VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -7, 2**53 + 1, 2**70, 0.5, float("nan"), "a", [], [1], [[1.5]], {}]
)


def delivered(dice: random.Random, values: Sequence[Any]) -> list[Document]:
    """Return an open run: events, pages and bulk, two descriptors, rewound, mixed up."""
    second = make_descriptor(RUN, "second", ["key1", "key2"])
    rows = []
    for number, value in enumerate(values, 1):
        event = make_event("s", dice.randint(1, number), ["key0", "key1"])
        uids = {"uid": f"event {number}", "time": 1.7e9 + dice.randint(0, 3)}
        event |= {**uids, "data": {"key0": value, f"key{dice.randint(1, 2)}": number}}
        event["descriptor"] = dice.choice([event["descriptor"], "second"])
        rows.append(event)
    documents = [*OPENING, document("descriptor", second)]
    while rows:
        part, rows = rows[: (size := dice.randint(1, 4))], rows[size:]
        alike = (
            {one["descriptor"] for one in part},
            *{tuple(one["data"]) for one in part},
        )
        if len(part) > 1 and len(alike) == 2 and len(alike[0]) == 1:
            documents.append(document("event_page", as_page(part)))
        elif len(part) == 4:
            documents.append(document("bulk_events", {"primary": part}))
        else:
            documents += [document("event", one) for one in part]
    dice.shuffle(documents)
    return documents + dice.sample(documents, min(2, len(documents)))
