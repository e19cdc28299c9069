"""Small valid documents for tests, always the same for the same arguments."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from quire.documents.document import Document
from quire.documents.names import DocumentName

_BEGIN = 1_700_000_000.0


def document(name: str, body: dict[str, Any]) -> Document:
    """Return a document with the bytes that Python's JSON writer gives it."""
    return Document(name=DocumentName(name), body=body, raw=json.dumps(body).encode())


def make_uid(*parts: object) -> str:
    """Return the UUID that these parts always have."""
    return str(uuid5(NAMESPACE_URL, "/".join(map(str, parts))))


def make_run(
    seed: object = 0,
    events: int = 3,
    *,
    keys: int = 2,
    page: int = 0,
    exit_status: str | None = "success",
) -> list[Document]:
    """Return a run of one stream, ``primary``, in the order of the RunEngine.

    Parameters
    ----------
    seed
        Tells runs, and all uids in them, apart.
    keys
        Data keys ``key0``, ``key1``… of each event.
    page
        Rows of an event page; 0 for events alone.
    exit_status
        Of its stop; None for a run without one.
    """
    run, descriptor = make_uid(seed, "start"), make_uid(seed, "descriptor")
    head = {"uid": run, "time": _BEGIN, "scan_id": 1, "plan_name": "count"}
    names = [f"key{number}" for number in range(keys)]
    rows = [make_event(seed, number, names) for number in range(1, events + 1)]
    documents = [
        document("start", {**head, "num_points": events}),
        document("descriptor", make_descriptor(run, descriptor, names)),
    ]
    if page:
        pages = (rows[at : at + page] for at in range(0, events, page))
        documents += [document("event_page", as_page(each)) for each in pages]
    else:
        documents += [document("event", row) for row in rows]
    if exit_status is not None:
        stop = {
            "uid": make_uid(seed, "stop"),
            "run_start": run,
            "time": _BEGIN + events + 1,
            "exit_status": exit_status,
            "num_events": {"primary": events},
        }
        documents.append(document("stop", stop))
    return documents


def make_descriptor(
    run: str, uid: str, keys: Iterable[str], stream: str = "primary"
) -> dict[str, Any]:
    """Return a descriptor of floating-point scalars."""
    data_key = {"dtype": "number", "shape": [], "source": "test", "units": "mm"}
    return {
        "uid": uid,
        "run_start": run,
        "time": _BEGIN,
        "name": stream,
        "data_keys": dict.fromkeys(keys, data_key),
    }


def make_event(seed: object, seq_num: int, keys: Iterable[str]) -> dict[str, Any]:
    """Return an event of the run with that seed, one second a sequence number."""
    time = _BEGIN + seq_num
    keys = tuple(keys)
    return {
        "uid": make_uid(seed, "event", seq_num),
        "descriptor": make_uid(seed, "descriptor"),
        "seq_num": seq_num,
        "time": time,
        "data": {key: seq_num + place / 10 for place, key in enumerate(keys)},
        "timestamps": dict.fromkeys(keys, time),
    }


def as_page(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return events of one descriptor as an event page."""
    first = events[0]
    return {
        "descriptor": first["descriptor"],
        **{key: [one[key] for one in events] for key in ("uid", "seq_num", "time")},
        **{
            table: {key: [one[table][key] for one in events] for key in first[table]}
            for table in ("data", "timestamps")
        },
    }


def as_ndjson(documents: Iterable[Document]) -> bytes:
    """Return documents as lines ``[name, doc]``, each in its own bytes."""
    return b"".join(b'["%b",%b]\n' % (one.name.encode(), one.raw) for one in documents)
