"""What benchmarks send: runs of eight keys, encoded beforehand, by a client that waits.

The client is the one of `quire.writer()`: its round trip costs 6 us more than that of a
bare socket, so that the server is what is measured.
"""

import uuid
from collections.abc import Iterable
from typing import Any

import msgspec

from quire.client.posting import Poster
from quire.testing.campaigns.clients import Item
from quire.testing.campaigns.server import ServerProcess

KEYS = tuple(f"detector_{number}" for number in range(8))
_MOMENT = 1_800_000_000.0


def run_of(events: int) -> tuple[list[Item], list[Item], list[Item]]:
    """Return a new run: its start and descriptor, its events, its stop."""
    run, descriptor = str(uuid.uuid4()), str(uuid.uuid4())
    key = {"source": "sim", "dtype": "number", "shape": []}
    opening: list[Item] = [
        ("start", {"uid": run, "time": _MOMENT, "plan_name": "bench", "scan_id": 1}),
        (
            "descriptor",
            {
                "uid": descriptor,
                "time": _MOMENT,
                "run_start": run,
                "name": "primary",
                "data_keys": dict.fromkeys(KEYS, key),
                "configuration": {},
                "object_keys": {},
                "hints": {},
            },
        ),
    ]
    middle = [("event", _event(descriptor, number)) for number in range(1, events + 1)]
    stop = {
        "uid": str(uuid.uuid4()),
        "time": _MOMENT + events,
        "run_start": run,
        "exit_status": "success",
        "num_events": {"primary": events},
    }
    return opening, middle, [("stop", stop)]


def _event(descriptor: str, number: int) -> dict[str, Any]:
    moment = _MOMENT + number
    return {
        "uid": str(uuid.uuid4()),
        "time": moment,
        "descriptor": descriptor,
        "seq_num": number,
        "data": {key: number * 0.1 + place for place, key in enumerate(KEYS)},
        "timestamps": dict.fromkeys(KEYS, moment),
        "filled": {},
    }


def pages_of(events: list[Item], size: int) -> list[Item]:
    """Return the same events as pages of so many."""
    return [
        ("event_page", _page([doc for _, doc in events[begin : begin + size]]))
        for begin in range(0, len(events), size)
    ]


def _page(events: list[dict[str, Any]]) -> dict[str, Any]:
    page: dict[str, Any] = {
        name: [event[name] for event in events] for name in ("uid", "time", "seq_num")
    }
    for name in ("data", "timestamps"):
        page[name] = {key: [event[name][key] for event in events] for key in KEYS}
    return {**page, "descriptor": events[0]["descriptor"], "filled": {}}


def bodies_of(items: list[Item], size: int) -> list[bytes]:
    """Return NDJSON bodies of so many documents each."""
    lines = [msgspec.json.encode(item) + b"\n" for item in items]
    return [
        b"".join(lines[begin : begin + size]) for begin in range(0, len(lines), size)
    ]


class BenchClient:
    """Posts bodies one after another, each once the one before is acknowledged."""

    def __init__(self, server: ServerProcess) -> None:
        self._poster = Poster(server.address)

    def send(self, bodies: Iterable[bytes]) -> None:
        """Send all of them.

        Raises
        ------
        RuntimeError
            One was refused.
        """
        for body in bodies:
            answer = self._poster.post(
                "/api/v1/documents", body, "application/x-ndjson"
            )
            if answer.status != 200 or answer.problem["refused"]:
                raise RuntimeError(f"{answer.status}: {answer.problem}")

    def close(self) -> None:
        """Give up the connection."""
        self._poster.close()
