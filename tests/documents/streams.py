"""What one stream sends, for Hypothesis to make: alike, or nearly so."""

import json
from typing import Any

from hypothesis import strategies as st

KEYS = st.lists(
    st.sampled_from(["x", "det(1)", "µ", 'a"b', "a:b", "1st", "filled"]),
    min_size=1,
    max_size=3,
    unique=True,
)
COLUMNS: list[st.SearchStrategy[Any]] = [
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-3, 3),
    st.integers(-3, 3) | st.floats(-1, 1) | st.none(),
    st.sampled_from([2**53 + 1, 2**64, -(2**70), 1]),
    st.booleans(),
    st.sampled_from(["", "a", "datum/1", "ü", "1,2", "[", "{", 'e"']),
    st.lists(st.integers(0, 3) | st.just("x"), max_size=3),
    st.sampled_from([None, {"a": 1}, [[1], [2]], {}]),
]
_NEAR_MISSES = (
    "extra",
    "missing",
    "type",
    "stamp",
    "nan",
    "seq_num",
    "below",
    "huge",
    "descriptor",
    "filled",
    "unfilled",
    "unknown",
    "uid",
    "twice",
    "space",
    "long",
    "broken",
)


@st.composite
def streams(draw: st.DrawFn, rows: int) -> list[dict[str, Any]]:
    """Return events of one descriptor, ``d``, with the same data keys."""
    keys = draw(KEYS)
    values = {key: draw(st.sampled_from(COLUMNS)) for key in keys}
    filled = draw(st.booleans())
    return [
        {
            "uid": f"e{place}",
            "descriptor": "d",
            "seq_num": place + 1,
            "time": 1.5e9 + place,
            "data": {key: draw(one) for key, one in values.items()},
            "timestamps": dict.fromkeys(keys, 1.5e9 + place),
            **({"filled": {}} if filled else {}),
        }
        for place in range(rows)
    ]


@st.composite
def nearly_alike(draw: st.DrawFn, rows: int) -> list[bytes]:
    """Return the items of such events, one of which may be odd in some way."""
    events = draw(streams(rows))
    odd, place = draw(st.sampled_from(("", *_NEAR_MISSES))), draw(st.integers(-1, 3))
    texts: dict[int, bytes] = {}
    found = _odd(odd, events[place])
    if found is not None:
        texts[place % rows] = found
    return [
        texts.get(each, _text(["event", event])) for each, event in enumerate(events)
    ]


def _odd(kind: str, event: dict[str, Any]) -> bytes | None:  # noqa: C901, PLR0912
    """Make an event odd; return its text where it is not that of its value."""
    data = event["data"]
    key = next(iter(data))
    match kind:
        case "extra":
            data["more"] = 1
        case "missing":
            del data[key], event["timestamps"][key]
        case "type":
            data[key] = "text"
        case "stamp":
            event["timestamps"] = {"other": 1.0}
        case "nan":
            data[key] = float("nan")
        case "seq_num":
            event["seq_num"] = 1.0
        case "below":
            event["seq_num"] = 0
        case "huge":
            event["seq_num"] = 2**70
        case "descriptor":
            event["descriptor"] = "another"
        case "filled":
            event["filled"] = {key: True}
        case "unfilled":
            event["filled"] = {key: False}
        case "unknown":
            event["what"] = 1
        case "uid":
            event["uid"] = 7
        case "twice":
            return _text(["event", event])[:-2] + b',"seq_num":9}]'
        case "space":
            return (
                b" "
                + json.dumps(["event", event], indent=1).replace("\n", "\t").encode()
            )
        case "long":
            return _text(["event", event]).replace(b":1", b":1" + b"1" * 4400)
        case "broken":
            return _text(["event", event])[:-1]
    return None


def _text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
