"""Runs that break one rule each, with what is told of them."""

from tests.runs.rule_runs import (
    DESCRIBED,
    DESCRIPTOR,
    EVENTS,
    KEYS,
    RUN,
    START,
    STOP,
    STOPPED,
    broken,
    bulk,
    described,
    event,
    page,
    stop,
    stream_datum,
    stream_resource,
    streamed,
    values,
)

from quire.documents.document import Document
from quire.runs.run import Finding, Severity
from quire.testing.documents import document, make_event, make_uid

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
NOT_CHOSEN = broken(
    "choices",
    DESCRIPTOR,
    "a value of 'key0' is none of its choices",
    Severity.MINOR,
)
UNEQUAL = broken(
    "unequal_keys",
    DESCRIPTOR,
    "an event's timestamps have other keys than its data",
)
OVERFILLED = broken(
    "filled_keys", DESCRIPTOR, "an event's filled has a key that its data lacks"
)
MIXED = broken(
    "mixed_array",
    DESCRIPTOR,
    "a value of 'key0' is an array of values of several kinds",
)
LACKING = broken("data_keys", DESCRIPTOR, "an event lacks the data key 'key1'")
GAP = broken("sequence_gap", STOP, "stream 'primary' lacks the sequence numbers 2")
NO_DATUM = broken(
    "unknown_reference", "res/0", "this datum is referred to, but has not come"
)


def ragged(column: str) -> Finding:
    message = f"{column} has 1 entries for 2 rows"
    return broken("ragged_page", make_uid("r", "event", 4), message)


def announced(events: int) -> Finding:
    message = f"{events} events of 'primary' announced, 3 rows stored"
    return broken("num_events", STOP, message, Severity.NOTE)


FOUR = [START, DESCRIBED, *EVENTS]
CASES: list[tuple[list[Document], Finding]] = [
    (
        [*FOUR, event(data={"key0": 1.0}, timestamps={"key0": 1.0}), stop(4)],
        LACKING,
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
        UNEQUAL,
    ),
    (
        [*FOUR, page(timestamps={}), stop(5)],
        UNEQUAL,
    ),
    (
        [*FOUR, event(filled={"what": True}), stop(4)],
        OVERFILLED,
    ),
    (
        [*FOUR, page(time=[1.0]), stop(4)],
        ragged("time"),
    ),
    (
        [*FOUR, page(data={"key0": [1.0, 2.0], "key1": [1.0]}), stop(5)],
        ragged("data/key1"),
    ),
    (
        [*FOUR, page(filled={"key0": [True]}), stop(5)],
        ragged("filled/key0"),
    ),
    (
        [
            *FOUR,
            document(
                "datum_page",
                {
                    "resource": "a",
                    "datum_id": ["a/0", "a/1"],
                    "datum_kwargs": {"n": [1]},
                },
            ),
            RESOURCE,
            STOPPED,
        ],
        broken("ragged_page", "a/0", "datum_kwargs/n has 1 entries for 2 rows"),
    ),
    (
        [*FOUR, page(timestamps={"key0": [1.0], "key1": [1.0, 2.0]}), stop(5)],
        ragged("timestamps/key0"),
    ),
    (
        [START, DESCRIBED, bulk(*EVENTS, uid=EVENTS[1].body["uid"]), stop()],
        broken(
            "repeated_uid",
            EVENTS[1].body["uid"],
            "a page has rows of the same uid",
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
        values([1], [1, "a"], dtype="array"),
        MIXED,
    ),
    (
        values([[1], [{}]], dtype="array"),
        MIXED,
    ),
    (
        values("a", "z", dtype="string", choices=["a", "b"]),
        NOT_CHOSEN,
    ),
    (
        values(["a"], [["b"], ["z"]], dtype="array", choices=["a", "b"]),
        NOT_CHOSEN,
    ),
    (
        [
            START,
            DESCRIBED,
            bulk(*EVENTS, data={"key0": 1.0}, timestamps={"key0": 1}),
            stop(),
        ],
        LACKING,
    ),
    (
        [START, DESCRIBED, bulk(*EVENTS, timestamps={}), stop()],
        UNEQUAL,
    ),
    (
        [START, DESCRIBED, bulk(*EVENTS, filled={"what": {}}), stop()],
        OVERFILLED,
    ),
    (
        [START, DESCRIBED, bulk(EVENTS[0], EVENTS[2]), stop(2)],
        GAP,
    ),
    (
        [
            START,
            described(key0={"external": "FILESTORE:"}),
            bulk(event(1, data={"key0": "res/0", "key1": 1.0})),
            stop(1),
        ],
        NO_DATUM,
    ),
    (
        [
            *FOUR,
            document(
                "bulk_datum",
                {"resource": "a", "datum_ids": ["a/0", "a/1"], "datum_kwarg_list": []},
            ),
            RESOURCE,
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
        GAP,
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
        announced(17),
    ),
    (
        [*FOUR, stop(2**60)],
        announced(2**60),
    ),
    (
        [*FOUR, stop(num_events={"other": 0})],
        announced(0),
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
        NO_DATUM,
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
            stream_datum("sr1", 9, 5, indices={"start": 0, "stop": 1}),
        ),
        broken("range", "sr1/9", "seq_nums stops before it starts"),
    ),
    (
        streamed(
            stream_datum("sr0", 1, 4),
            stream_datum("sr1", 1, 4),
            stream_datum("sr1", 9, 2**60, indices={"start": 0, "stop": 1}),
        ),
        broken("range", "sr1/9", f"seq_nums reaches beyond {2**53}"),
    ),
    (
        streamed(
            stream_datum("sr0", 1, 4),
            stream_datum("sr1", 1, 4, indices={"start": -(2**60), "stop": 3}),
        ),
        broken("range", "sr1/1", f"indices reaches beyond {2**53}"),
    ),
    (
        [
            START,
            described(key0={"external": "STREAM:"}),
            stream_resource("sr0", "key0"),
            stream_datum("sr0", 0, 4, indices={"start": 0, "stop": 4}),
            stop(4),
        ],
        broken("range", "sr0/0", "seq_nums starts at 0, below 1"),
    ),
    (
        streamed(
            stream_datum("sr0", 1, 4),
            stream_datum("sr1", 1, 4, indices={"start": -1, "stop": 2}),
        ),
        broken("range", "sr1/1", "indices starts at -1, below 0"),
    ),
    (
        values("z", dtype="string", choices=[f"{at}" for at in range(100)]),
        NOT_CHOSEN,
    ),
]
