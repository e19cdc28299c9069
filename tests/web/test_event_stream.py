import json

import httpx
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from quire.progress.event import ProgressEvent, ProgressType
from quire.progress.log import Entry
from quire.web.event_stream import encode_entries, encode_entry

EVENTS = st.builds(
    ProgressEvent,
    type=st.sampled_from(ProgressType),
    message=st.text(),
    progress=st.none() | st.integers(1, 100),
)


def strictly(body: bytes) -> list[tuple[str, str, str]]:
    """Parse as the WHATWG standard says (HTML, section 9.2.6)."""
    found: list[tuple[str, str, str]] = []
    event, last = "", ""
    data: list[str] = []
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n"):
        if not line:
            if data:
                found.append((last, event or "message", "\n".join(data)))
            event, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                event = value
            case "data":
                data.append(value)
            case "id":
                last = value
    return found


@given(st.lists(st.tuples(EVENTS, st.booleans()), max_size=6))
def test_every_parser_reads_the_same_wherever_keepalives_stand(
    told: list[tuple[ProgressEvent, bool]],
) -> None:
    body, expected = b": ok\r\n", []
    for number, (event, silence) in enumerate(told, 1):
        if silence:
            body += encode_entries(())
        body += encode_entry(Entry(operation="o", number=number, at=0.0, event=event))
        expected.append((str(number), event.type.value, event.message, event.progress))
    response = httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=body
    )
    theirs = [(one.id, one.event, one.data) for one in EventSource(response).iter_sse()]
    assert theirs == strictly(body)
    read = [(number, kind, json.loads(data)) for number, kind, data in theirs]
    assert [
        (number, kind, data["message"], data.get("progress"))
        for number, kind, data in read
    ] == expected
    assert all(set(data) <= {"message", "progress"} for _, _, data in read)


def test_the_bytes_are_those_of_the_reference() -> None:
    event = ProgressEvent(type=ProgressType.INFO, message="Hé", progress=1)
    entry = Entry(operation="o", number=1, at=0.0, event=event)
    assert encode_entry(entry) == (
        b"id: 1\r\nretry: 2000\r\nevent: info\r\n"
        b'data: {"message": "H\\u00e9", "progress": 1}\r\n\r\n'
    )
