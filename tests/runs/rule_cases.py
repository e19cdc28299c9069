"""Runs that break one rule each, with what is told of them."""

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


RESOURCE = document(
    "resource",
    {
        "uid": "a",
        "run_start": RUN,
        "spec": "s",
        "root": "",
        "resource_path": "",
        "resource_kwargs": {},
    },
)
FOUR = [START, DESCRIBED, *EVENTS]
CASES: list[tuple[list[Document], Finding]] = [
    (
        [*FOUR, event(data={"key0": 1.0}, timestamps={"key0": 1.0}), stop(4)],
        broken("data_keys", DESCRIPTOR, "an event lacks the data key 'key1'"),
    ),
    (
        [
            *FOUR,
            document("event", make_event("r", 4, [*KEYS, "other"])),
            stop(4),
        ],
        broken(
            "data_keys",
            DESCRIPTOR,
            "an event has a data key that the descriptor does not declare",
        ),
    ),
    (
        [START, described(key1={"external": "STREAM:"}), *EVENTS, stop()],
        broken(
            "streamed_data",
            DESCRIPTOR,
            "an event holds 'key1', which is declared external in a stream",
        ),
    ),
    (
        [*FOUR, event(timestamps={}), stop(4)],
        broken(
            "unequal_keys",
            DESCRIPTOR,
            "an event's timestamps have other keys than its data",
        ),
    ),
    (
        [*FOUR, page(timestamps={}), stop(5)],
        broken(
            "unequal_keys",
            DESCRIPTOR,
            "an event's timestamps have other keys than its data",
        ),
    ),
    (
        [*FOUR, event(filled={"what": True}), stop(4)],
        broken(
            "filled_keys", DESCRIPTOR, "an event's filled has a key that its data lacks"
        ),
    ),
    (
        [*FOUR, page(time=[1.0]), stop(4)],
        broken(
            "ragged_page", make_uid("r", "event", 4), "time has 1 entries for 2 rows"
        ),
    ),
    (
        [*FOUR, page(data={"key0": [1.0, 2.0], "key1": [1.0]}), stop(5)],
        broken(
            "ragged_page",
            make_uid("r", "event", 4),
            "data/key1 has 1 entries for 2 rows",
        ),
    ),
    (
        [*FOUR, page(uid=["twice", "twice"]), stop(5)],
        broken("repeated_uid", "twice", "a page has rows of the same uid"),
    ),
    (
        values(1, 1.5, dtype="integer"),
        broken(
            "dtype",
            DESCRIPTOR,
            "'key0' is declared integer, but number came",
            Severity.MINOR,
        ),
    ),
    (
        values(1, *[True], dtype="integer"),
        broken(
            "dtype",
            DESCRIPTOR,
            "'key0' is declared integer, but boolean came",
            Severity.MINOR,
        ),
    ),
    (
        values({"a": 1}, dtype="number"),
        broken("object_value", DESCRIPTOR, "a value of 'key0' is an object"),
    ),
    (
        values([1, "a"], dtype="array"),
        broken(
            "mixed_array",
            DESCRIPTOR,
            "a value of 'key0' is an array of values of several kinds",
        ),
    ),
    (
        values([[1], [{}]], dtype="array"),
        broken(
            "mixed_array",
            DESCRIPTOR,
            "a value of 'key0' is an array of values of several kinds",
        ),
    ),
    (
        values("a", "z", dtype="string", choices=["a", "b"]),
        broken(
            "choices",
            DESCRIPTOR,
            "a value of 'key0' is none of its choices",
            Severity.MINOR,
        ),
    ),
    (
        values(["a"], [["b"], ["z"]], dtype="array", choices=["a", "b"]),
        broken(
            "choices",
            DESCRIPTOR,
            "a value of 'key0' is none of its choices",
            Severity.MINOR,
        ),
    ),
    (
        [
            START,
            DESCRIBED,
            bulk(*EVENTS, data={"key0": 1.0}, timestamps={"key0": 1}),
            stop(),
        ],
        broken("data_keys", DESCRIPTOR, "an event lacks the data key 'key1'"),
    ),
    (
        [START, DESCRIBED, bulk(*EVENTS, timestamps={}), stop()],
        broken(
            "unequal_keys",
            DESCRIPTOR,
            "an event's timestamps have other keys than its data",
        ),
    ),
    (
        [START, DESCRIBED, bulk(*EVENTS, filled={"what": {}}), stop()],
        broken(
            "filled_keys", DESCRIPTOR, "an event's filled has a key that its data lacks"
        ),
    ),
    (
        [START, DESCRIBED, bulk(EVENTS[0], EVENTS[2]), stop(2)],
        broken("sequence_gap", STOP, "stream 'primary' lacks the sequence numbers 2"),
    ),
    (
        [
            START,
            described(key0={"external": "FILESTORE:"}),
            bulk(event(1, data={"key0": "res/0", "key1": 1.0})),
            stop(1),
        ],
        broken(
            "unknown_reference", "res/0", "this datum is referred to, but has not come"
        ),
    ),
    (
        [
            *FOUR,
            RESOURCE,
            document(
                "bulk_datum",
                {"resource": "a", "datum_ids": ["a/0", "a/1"], "datum_kwarg_list": []},
            ),
            STOPPED,
        ],
        broken("ragged_page", "a/0", "datum_kwarg_list has 0 entries for 2 rows"),
    ),
    (
        [*FOUR, described("d2", key1=None), STOPPED],
        broken(
            "descriptors", "d2", "other descriptors of 'primary' also declare 'key1'"
        ),
    ),
    (
        [*FOUR, described("d2", key1={"dtype": "string"}), STOPPED],
        broken(
            "type_change",
            min(DESCRIPTOR, "d2"),
            "'key1' of 'primary' is declared number and string",
        ),
    ),
    (
        [START, DESCRIBED, EVENTS[0], EVENTS[2], stop(2)],
        broken("sequence_gap", STOP, "stream 'primary' lacks the sequence numbers 2"),
    ),
    (
        [*FOUR, event(0), stop(4)],
        broken(
            "seq_num", make_uid("r", "event", 0), "the sequence number 0 is below 1"
        ),
    ),
    (
        [*FOUR, event(4, seq_num=2**60), STOPPED],
        broken(
            "seq_num",
            make_uid("r", "event", 4),
            f"the sequence number {2**60} is not counted",
        ),
    ),
    (
        [*FOUR, stop(17)],
        broken(
            "num_events",
            STOP,
            "17 events of 'primary' announced, 3 rows stored",
            Severity.NOTE,
        ),
    ),
    (
        [*FOUR, stop(num_events={"other": 0})],
        broken(
            "num_events",
            STOP,
            "0 events of 'primary' announced, 3 rows stored",
            Severity.NOTE,
        ),
    ),
    (
        [*FOUR, STOPPED, stop(uid="later", time=2e9)],
        broken("two_stops", "later", "an earlier stop is effective"),
    ),
    (
        [DESCRIBED, *EVENTS, STOPPED],
        broken("no_start", STOP, "the run has no start"),
    ),
    (
        streamed(
            stream_datum("sr0", 1, 4),
            stream_datum("sr1", 1, 4),
            stream_datum("?", 1, 2),
        ),
        broken(
            "unknown_reference",
            "?",
            "this stream_resource is referred to, but has not come",
        ),
    ),
    (
        [
            *FOUR,
            document("bulk_events", {"x": [event(4, descriptor="?").body]}),
            stop(),
        ],
        broken(
            "unknown_reference", "?", "this descriptor is referred to, but has not come"
        ),
    ),
    (
        [
            START,
            described(key0={"external": "FILESTORE:"}),
            event(1, data={"key0": "res/0", "key1": 1.0}),
            stop(1),
        ],
        broken(
            "unknown_reference", "res/0", "this datum is referred to, but has not come"
        ),
    ),
    (
        [
            *FOUR,
            document("datum", {"datum_id": "a/0", "resource": "a", "datum_kwargs": {}}),
            STOPPED,
        ],
        broken(
            "unknown_reference", "a", "this resource is referred to, but has not come"
        ),
    ),
    (
        [*FOUR, stream_resource("sr", "key0"), stream_datum("sr", 1, 4), STOPPED],
        broken(
            "stream_data_key",
            "sr",
            "'primary' declares no data key 'key0' that is in a stream",
        ),
    ),
    (
        streamed(stream_datum("sr0", 1, 4), stream_datum("sr1", 1, 3)),
        broken(
            "uneven_stream",
            DESCRIPTOR,
            "rows with external data differ in 'primary': 'key0' 1-3; 'key1' 1-2",
        ),
    ),
    (
        streamed(
            stream_datum("sr0", 1, 4, indices={"start": 0, "stop": 2}),
            stream_datum("sr1", 1, 4),
        ),
        broken("unequal_width", "sr0/1", "seq_nums and indices are of unequal width"),
    ),
    (
        streamed(
            stream_datum("sr0", 1, 4),
            stream_datum("sr1", 1, 4),
            stream_datum("sr1", 9, 5),
        ),
        broken("range", "sr1/9", "seq_nums stops before it starts"),
    ),
]
