"""Long pages of whole runs are made beside the loop."""

import json
import threading
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from quire.access.principals import Principal, Scope
from quire.access.proxy import ProxySettings, TrustedProxy
from quire.actions.lookup import Lookup
from quire.actions.search import Search
from quire.faces.rundb.days import Days
from quire.faces.rundb.routes import RunDbRoutes
from quire.ports.store import Transaction
from quire.runs.facility import by_scan_id
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.still_clock import StillClock

RUNS = 300
_QUERY = b"limit=1000&expand=True"
ANN = Principal(name="ann", scopes=frozenset(Scope))


async def test_a_long_page_of_whole_runs_leaves_the_loop_to_others() -> None:
    store = MemoryStore(doorbell=LocalDoorbell())
    loop, on_the_loop = threading.get_ident(), []

    def put(tx: Transaction) -> None:
        for number in range(RUNS):
            start = json.dumps({"uid": f"u{number}", "scan_id": number}).encode()
            tx.runs.put(Run(uid=f"u{number}", owner="ann", start=start))

    def rule(start: Mapping[str, Any]) -> tuple[int | None, int | None]:
        if threading.get_ident() == loop:
            on_the_loop.append(start)
        return by_scan_id(start)

    await store.decide(put)
    clock = StillClock(1.8e9)
    search = Search(store, QueryParser(FieldRegistry()), searchable, clock)
    face = RunDbRoutes(
        search,
        Lookup(store),
        rule,
        "http://here",
        TrustedProxy(ProxySettings()),
        Days(),
    )
    asked = {"type": "http", "query_string": _QUERY, "headers": []}
    answer = await face.list(Request(asked), ANN)
    found = json.loads(bytes(answer.body))["results"]
    assert [run["run"] for run in found] == list(range(RUNS))
    assert on_the_loop == []
