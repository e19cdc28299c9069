"""Events and pages folded by their columns, against each folded by itself."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.streams import streams

from quire.documents.batch import EventBatch
from quire.documents.reading import read_delivery
from quire.runs.careful import fold_carefully
from quire.runs.fold import fold_all
from quire.runs.run import Run
from quire.testing.documents import as_page, document, make_descriptor, make_event

DTYPES = st.sampled_from(["string", "number", "array", "boolean", "integer"])
EXTERNAL = st.sampled_from(["", "", "STREAM:", "FILESTORE:"])
MORE_KEYS = st.lists(st.sampled_from(["more", "x", "1st"]), max_size=1)


def batch_of(name: str, bodies: list[dict[str, Any]]) -> EventBatch | None:
    texts = [
        json.dumps([name, body], separators=(",", ":")).encode() for body in bodies
    ]
    found = list(read_delivery(b"\n".join(texts), media_type="application/x-ndjson"))
    batch = found[0] if len(found) == 1 else None
    return batch if isinstance(batch, EventBatch) else None


def described(keys: dict[str, tuple[str, str]]) -> Run:
    """Return a run with one stream, its data keys of these types and places."""
    body = make_descriptor("r", "d", keys)
    for key, (dtype, external) in keys.items():
        told: dict[str, Any] = {"dtype": dtype}
        told |= {"external": external} if external else {}
        told |= {"choices": ["a", "ü"]} if dtype == "string" else {}
        body["data_keys"][key] = {**body["data_keys"][key], **told}
    return fold_all(Run(uid="r"), [(document("descriptor", body), ())])


def check(run: Run, batch: EventBatch) -> None:
    alone = [(one, ()) for one in batch.documents()]
    assert fold_all(run, [(batch, ())]) == fold_all(run, alone)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_batch_folds_as_its_events_do(data: st.DataObject) -> None:
    rows = data.draw(streams(9))
    paged = data.draw(st.booleans())
    batch = batch_of(*(("event_page", [as_page(rows)]) if paged else ("event", rows)))
    if batch is None:
        return
    keys = [*rows[0]["data"], *data.draw(MORE_KEYS)]
    run = described({key: data.draw(st.tuples(DTYPES, EXTERNAL)) for key in keys})
    check(run, batch)
    check(Run(uid="r"), batch)  # its descriptor has not come
    check(fold_all(run, [(batch, ())]), batch)  # as a rewind has them


@pytest.mark.parametrize("name", ["event", "event_page"])
def test_what_is_odd_in_a_batch_is_found(name: str) -> None:
    rows = [make_event("batch", number, ["a", "b"]) for number in range(1, 10)]
    for row in rows:
        row["descriptor"] = "d"
        row["data"] |= {"c": "image/1", "d": [1, 2]}
        row["timestamps"] |= {"c": 1.0, "d": 1.0}
    rows[-1]["data"] |= {"b": 7, "d": [1, "x"]}
    rows[4]["seq_num"] = 0
    batch = batch_of(name, rows if name == "event" else [as_page(rows)])
    assert batch is not None
    run = described(
        {
            "a": ("integer", ""),
            "b": ("number", ""),
            "c": ("array", "FILESTORE:"),
            "d": ("array", ""),
        }
    )
    run = fold_all(run, [(batch, ())])
    check(run, batch)
    rules = {finding.rule for finding in run.findings}
    assert rules == {"dtype", "mixed_array", "seq_num"}
    assert run.awaited == {"image/1": "datum"}
    assert run.documents == (1 + 9 if name == "event" else 2)


@pytest.mark.parametrize("name", ["event", "event_page"])
@pytest.mark.parametrize("time", [10**400, -(10**400), 1, 1e300, 0.0])
def test_times_of_a_batch_may_be_anything_finite(name: str, time: float) -> None:
    rows = [make_event("batch", number, ["a"]) for number in range(1, 10)]
    rows[3] |= {"descriptor": "d", "time": time}
    rows = [{**row, "descriptor": "d"} for row in rows]
    batch = batch_of(name, rows if name == "event" else [as_page(rows)])
    assert batch is not None
    check(described({"a": ("number", "")}), batch)


def test_a_batch_that_cannot_be_folded_costs_none_of_its_events() -> None:
    rows = [make_event("batch", number, ["a"]) for number in range(1, 10)]
    batch = batch_of("event", rows)
    assert batch is not None

    class Broken(dict[str, Any]):
        """A column that cannot be read."""

        def __getitem__(self, key: str) -> Any:
            raise RuntimeError(key)

    broken = EventBatch(
        name=batch.name,
        descriptor=batch.descriptor,
        text=batch.text,
        begins=batch.begins,
        ends=batch.ends,
        uids=batch.uids,
        seq_nums=batch.seq_nums,
        times=batch.times,
        data=Broken(a=1),
        numeric=frozenset(),
    )
    uid = rows[0]["descriptor"]
    body = make_descriptor("r", uid, ["a"])
    run = fold_all(Run(uid="r"), [(document("descriptor", body), ())])
    assert fold_carefully(run, [(broken, ())]) == fold_all(run, [(batch, ())])


def odd_stream(count: int) -> list[Any]:
    """Return a stream whose descriptors each declare another key; one event of each."""
    described, events = [], []
    for number in range(count):
        uid, key = f"d{number:06}", f"key{number:06}"
        described.append(document("descriptor", make_descriptor("r", uid, [key])))
        event = make_event(number, 2 * number + 1, [key]) | {"descriptor": uid}
        events.append(document("event", event))
    stop = {"uid": "s", "run_start": "r", "time": 2e9, "exit_status": "success"}
    every = [*described, *reversed(events), document("stop", stop)]
    return [(one, ()) for one in every]


def test_a_delivery_of_descriptors_folds_as_they_do_one_by_one() -> None:
    documents = odd_stream(250)
    alone = Run(uid="r")
    for one in documents:
        alone = fold_all(alone, [one])
    assert fold_all(Run(uid="r"), documents) == alone
    assert fold_all(Run(uid="r"), documents[::-1]).streams == alone.streams


def test_many_descriptors_in_one_delivery_do_not_hold_up_the_writer() -> None:
    # If each cost what those before it do, this would not end within its time.
    run = fold_all(Run(uid="r"), odd_stream(30_000))
    (stream,) = run.streams.values()
    assert (len(stream.descriptors), stream.rows) == (30_000, 30_000)
    told = [one for one in run.findings if one.rule == "descriptors"]
    assert [one.uid for one in told] == ["", *(f"d{at:06}" for at in range(100))]
    assert max(len(one.message) for one in told) < 300
