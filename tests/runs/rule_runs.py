"""Runs, and what stands in them, to break rules with."""

from collections.abc import Iterable
from typing import Any

from quire.documents.document import Document
from quire.runs.fold import fold_all
from quire.runs.run import Finding, Run, Severity
from quire.testing.documents import (
    as_page,
    document,
    make_descriptor,
    make_event,
    make_run,
    make_uid,
)

RUN, DESCRIPTOR = make_uid("r", "start"), make_uid("r", "descriptor")
STOP = make_uid("r", "stop")
KEYS = ["key0", "key1"]
START, DESCRIBED, *EVENTS, STOPPED = make_run("r", 3)


def folded(documents: Iterable[Document]) -> Run:
    return fold_all(Run(uid=RUN), [(one, ()) for one in documents])


def event(at: int = 4, **changes: Any) -> Document:
    return document("event", {**make_event("r", at, KEYS), **changes})


def page(**changes: Any) -> Document:
    rows = [make_event("r", at, KEYS) for at in (4, 5)]
    return document("event_page", {**as_page(rows), **changes})


def described(uid: str = DESCRIPTOR, **keys: Any) -> Document:
    """Return a descriptor with other data keys; None takes one away."""
    body = make_descriptor(RUN, uid, KEYS)
    data_keys = {name: {**body["data_keys"]["key0"]} for name in KEYS}
    for name, changes in keys.items():
        if changes is None:
            del data_keys[name]
        else:
            data_keys[name] = {**data_keys.get(name, data_keys["key0"]), **changes}
    return document("descriptor", {**body, "data_keys": data_keys})


def values(*column: Any, **declared: Any) -> list[Document]:
    """Return a run whose key0 has these values, so declared."""
    first = make_event("r", 1, KEYS)
    rows = [
        event(at, data={**first["data"], "key0": value})
        for at, value in enumerate(column, 1)
    ]
    return [START, described(key0=declared), *rows, stop(len(rows))]


def stop(events: int = 3, **changes: Any) -> Document:
    counted = {"num_events": {"primary": events}}
    return document("stop", {**STOPPED.body, **counted, **changes})


def stream_resource(uid: str, key: str) -> Document:
    body = {"uid": uid, "run_start": RUN, "data_key": key, "mimetype": "m", "uri": "u"}
    return document("stream_resource", {**body, "parameters": {}})


def stream_datum(resource: str, first: int, end: int, **changes: Any) -> Document:
    body = {
        "uid": f"{resource}/{first}",
        "descriptor": DESCRIPTOR,
        "stream_resource": resource,
        "seq_nums": {"start": first, "stop": end},
        "indices": {"start": first - 1, "stop": end - 1},
    }
    return document("stream_datum", {**body, **changes})


STREAMED = described(key0={"external": "STREAM:"}, key1={"external": "STREAM:"})


def streamed(*datums: Document) -> list[Document]:
    """Return a run whose two keys are external."""
    resources = [stream_resource("sr0", "key0"), stream_resource("sr1", "key1")]
    return [START, STREAMED, *resources, *datums, stop()]


def broken(
    rule: str, uid: str, message: str, severity: Severity = Severity.FLAG
) -> Finding:
    return Finding(rule=rule, uid=uid, message=message, severity=severity)


def bulk(*rows: Document, **changes: Any) -> Document:
    """Return a `bulk_events` of these events, the last of them changed."""
    events = [row.body for row in rows]
    events[-1] = {**events[-1], **changes}
    return document("bulk_events", {"any": events})
