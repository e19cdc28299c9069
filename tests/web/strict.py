"""Server-sent events as the WHATWG standard parses and dispatches them (HTML, 9.2.6)."""

import re
from typing import NamedTuple

_LINE = re.compile(r"\r\n|\n|\r")


class Dispatched(NamedTuple):
    """What an EventSource gives to its listeners."""

    id: str
    event: str
    data: str


def strictly(body: bytes) -> list[Dispatched]:
    """Return the events of a stream; what is unfinished at its end is discarded."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    found: list[Dispatched] = []
    event = data = last_id = buffered_id = ""
    *lines, _unfinished = _LINE.split(text)
    for line in lines:
        if not line:
            last_id = buffered_id
            if data:
                name = event or "message"
                found.append(Dispatched(last_id, name, data.removesuffix("\n")))
            event = data = ""
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                event = value
            elif field == "data":
                data += value + "\n"
            elif field == "id" and "\0" not in value:
                buffered_id = value
    return found
