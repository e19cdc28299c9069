"""Documents of every name, right and nearly right, for Hypothesis to make."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from quire.documents.names import DocumentName

Value = st.SearchStrategy[Any]

TEXTS: Value = st.sampled_from(["", "u", "primary", "µ-energy", "a b", "\x00", "🦆"])
KEYS = st.sampled_from(["x", "det(1)", "µ", "it's", "1st", " ", "A" * 80])
ODD_KEYS = st.sampled_from(["a.b", "a/b", "", ".", "new", "filled", "a\\b"])
INTEGERS: Value = st.integers(-3, 3) | st.sampled_from([2**53 + 1, 2**64, -(2**70)])
NUMBERS: Value = INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING: Value = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=5,
)
ODD: Value = st.sampled_from(
    [None, True, 0, -1, 1.0, 1.5, "", "x", "a.b", [], [1], [None], ["x"], {}, {"a": 1}]
).map(deepcopy)


def mapping(values: Value) -> Value:
    return st.dictionaries(KEYS, values, max_size=3)


def record(required: Mapping[str, Value], **optional: Value) -> Value:
    return st.fixed_dictionaries(dict(required), optional=optional)


LIMIT: Value = st.none() | record(
    {"low": NUMBERS | st.none(), "high": NUMBERS | st.none()}
)
DATA_KEY = record(
    {
        "dtype": st.sampled_from(["string", "number", "array", "boolean", "integer"]),
        "shape": st.lists(INTEGERS | st.none(), max_size=2),
        "source": TEXTS,
    },
    external=st.sampled_from(["STREAM:", "FILESTORE", "FILESTORE:x"]),
    dtype_numpy=st.sampled_from(["<f8", "|u1", [["a", "<i4"], ["b", ">f8"]]]),
    units=TEXTS | st.none(),
    precision=INTEGERS | st.none(),
    choices=st.lists(TEXTS, max_size=2),
    limits=record({}, control=LIMIT, alarm=LIMIT, hysteresis=NUMBERS | st.none()),
)
CONFIGURATION = record(
    {}, data=mapping(ANYTHING), data_keys=mapping(DATA_KEY), timestamps=mapping(NUMBERS)
)
RANGE = record({"start": INTEGERS, "stop": INTEGERS})
EVENT = record(
    {
        "uid": TEXTS,
        "descriptor": TEXTS,
        "seq_num": INTEGERS,
        "time": NUMBERS,
        "data": mapping(ANYTHING),
        "timestamps": mapping(NUMBERS),
    },
    filled=mapping(st.booleans() | TEXTS),
)
BULK_EVENT = EVENT
COLUMN = st.lists(ANYTHING, max_size=3)

RIGHT: Mapping[DocumentName, Value] = {
    DocumentName.START: record(
        {"uid": TEXTS, "time": NUMBERS},
        scan_id=INTEGERS,
        data_groups=st.lists(TEXTS, max_size=2),
        owner=TEXTS,
        sample=TEXTS | mapping(st.integers()),
        hints=st.just({"dimensions": [[["motor"], "primary"]]}),
        data_type=ANYTHING,
        plan_args=ANYTHING,
    ),
    DocumentName.STOP: record(
        {
            "uid": TEXTS,
            "run_start": TEXTS,
            "time": NUMBERS,
            "exit_status": st.sampled_from(["success", "abort", "fail"]),
        },
        reason=TEXTS,
        num_events=mapping(INTEGERS),
        data_type=ANYTHING,
    ),
    DocumentName.DESCRIPTOR: record(
        {
            "uid": TEXTS,
            "run_start": TEXTS,
            "time": NUMBERS,
            "data_keys": mapping(DATA_KEY),
        },
        name=TEXTS,
        configuration=mapping(CONFIGURATION),
        hints=record({}, fields=st.lists(TEXTS, max_size=2)),
        object_keys=mapping(st.lists(TEXTS, max_size=2)),
    ),
    DocumentName.EVENT: EVENT,
    DocumentName.EVENT_PAGE: record(
        {
            "uid": st.lists(TEXTS, max_size=3),
            "descriptor": TEXTS,
            "seq_num": st.lists(INTEGERS, max_size=3),
            "time": st.lists(NUMBERS, max_size=3),
            "data": mapping(COLUMN),
            "timestamps": mapping(COLUMN),
        },
        filled=mapping(st.lists(st.booleans() | TEXTS, max_size=3)),
    ),
    DocumentName.RESOURCE: record(
        {
            "uid": TEXTS,
            "spec": TEXTS,
            "root": TEXTS,
            "resource_path": TEXTS,
            "resource_kwargs": mapping(ANYTHING),
        },
        run_start=TEXTS,
        path_semantics=st.sampled_from(["posix", "windows"]),
    ),
    DocumentName.DATUM: record(
        {"datum_id": TEXTS, "resource": TEXTS, "datum_kwargs": mapping(ANYTHING)}
    ),
    DocumentName.DATUM_PAGE: record(
        {
            "datum_id": st.lists(TEXTS, max_size=3),
            "resource": TEXTS,
            "datum_kwargs": mapping(COLUMN),
        }
    ),
    DocumentName.STREAM_RESOURCE: record(
        {
            "uid": TEXTS,
            "data_key": TEXTS,
            "mimetype": TEXTS,
            "uri": TEXTS,
            "parameters": mapping(ANYTHING),
        },
        run_start=TEXTS,
        extra=ANYTHING,
    ),
    DocumentName.STREAM_DATUM: record(
        {
            "uid": TEXTS,
            "descriptor": TEXTS,
            "stream_resource": TEXTS,
            "seq_nums": RANGE,
            "indices": RANGE,
        },
        extra=ANYTHING,
    ),
    DocumentName.BULK_EVENTS: mapping(st.lists(BULK_EVENT, max_size=2)),
    DocumentName.BULK_DATUM: record(
        {
            "resource": TEXTS,
            "datum_ids": st.lists(TEXTS, max_size=3),
            "datum_kwarg_list": st.lists(mapping(ANYTHING), max_size=3),
        }
    ),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a value."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    found = [path] if path else []
    for key, item in items:
        found += places(item, (*path, key))
    return found


@st.composite
def bodies(draw: st.DrawFn, name: DocumentName) -> dict[str, Any]:
    """Return the body of a document, with up to two things wrong."""
    body: dict[str, Any] = deepcopy(draw(RIGHT[name]))
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        _spoil(draw, body)
    return body


def _spoil(draw: st.DrawFn, body: dict[str, Any]) -> None:
    path = draw(st.sampled_from(places(body) or [("x",)]))
    parent: Any = body
    for step in path[:-1]:
        parent = parent[step]
    match draw(st.sampled_from(["set", "drop", "add"])):
        case "drop" if isinstance(parent, dict):
            parent.pop(path[-1], None)
        case "add" if isinstance(parent, dict):
            parent[draw(ODD_KEYS)] = draw(ODD)
        case _:
            parent[path[-1]] = draw(ODD)
