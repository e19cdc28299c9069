"""A stream as it grows, row by row."""

from pathlib import Path
from typing import Any

from tests.actions.standing import Stand

from quire.access.principals import Principal
from quire.actions.ingest import Ingest
from quire.actions.samples import SampleStreams, View
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.documents import document, make_descriptor, make_run, make_uid


async def test_of_bulk_events_each_stream_shows_its_own(
    ingest: Ingest,
    store: Store,
    doorbell: LocalDoorbell,
    staff: Principal,
    tmp_path: Path,
) -> None:
    start, described, *events = make_run("s", 4, keys=1, exit_status=None)
    other = make_descriptor(start.body["uid"], "other", ["key0"], "other")
    bodies: list[dict[str, Any]] = [one.body for one in events]
    bodies[3]["descriptor"] = "other"
    bulks = [
        {make_uid("s", "descriptor"): bodies[:1], "other": bodies[3:]},
        {"by any name": bodies[1:3]},
    ]
    stand = Stand(store, ingest, tmp_path)
    await stand.send([start, described, document("descriptor", other)])
    await stand.send([document("bulk_events", one) for one in bulks])
    shown = SampleStreams(store, doorbell, stand.views)
    for stream, numbers in (("primary", [1, 2, 3]), ("other", [4])):
        seen = await shown.follow(start.body["uid"], staff, View(stream=stream))
        first = await anext(seen)
        assert first.columns["seq_num"] == numbers
        assert first.events == len(numbers)
        await seen.aclose()  # type: ignore[attr-defined]
