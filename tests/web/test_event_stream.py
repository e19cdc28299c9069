import json

import httpx
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st
from tests.web.strict import strictly

from quire.progress.event import ProgressEvent, ProgressType
from quire.progress.log import Entry
from quire.web.event_stream import as_sent, encode_entry

EVENTS = st.builds(
    ProgressEvent,
    type=st.sampled_from(ProgressType),
    message=st.text(),
    progress=st.none() | st.integers(1, 100),
)


def theirs(body: bytes) -> list[tuple[str, str, str]]:
    """Parse as httpx-sse does."""
    headers = {"content-type": "text/event-stream"}
    response = httpx.Response(200, headers=headers, content=body)
    return [(one.id, one.event, one.data) for one in EventSource(response).iter_sse()]


@given(st.lists(st.tuples(EVENTS, st.integers(0, 3)), max_size=6), st.integers(0, 3))
def test_every_parser_reads_the_same_wherever_keepalives_stand(
    told: list[tuple[ProgressEvent, int]], behind: int
) -> None:
    body, expected = b": ok\r\n", []
    for number, (event, silences) in enumerate(told, 1):
        body += as_sent(b"") * silences
        body += encode_entry(Entry(operation="o", number=number, at=0.0, event=event))
        expected.append((str(number), event.type.value, event.message, event.progress))
    body += as_sent(b"") * behind
    assert theirs(body) == strictly(body)
    read = [(number, kind, json.loads(data)) for number, kind, data in theirs(body)]
    assert [
        (number, kind, data["message"], data.get("progress"))
        for number, kind, data in read
    ] == expected
    assert all(set(data) <= {"message", "progress"} for _, _, data in read)


@given(EVENTS, st.data())
def test_what_is_cut_anywhere_is_no_event(
    event: ProgressEvent, data: st.DataObject
) -> None:
    whole = encode_entry(Entry(operation="o", number=7, at=0.0, event=event))
    cut = data.draw(st.integers(0, len(whole) - 2))
    assert strictly(whole[:cut]) == []
    assert len(strictly(whole)) == 1


def test_the_bytes_are_those_of_the_reference() -> None:
    event = ProgressEvent(type=ProgressType.INFO, message="Hé", progress=1)
    entry = Entry(operation="o", number=1, at=0.0, event=event)
    assert encode_entry(entry) == (
        b"id: 1\r\nretry: 2000\r\nevent: info\r\n"
        b'data: {"message": "H\\u00e9", "progress": 1}\r\n\r\n'
    )
    assert as_sent(b"") == b": \r\n"
