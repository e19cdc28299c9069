"""The replay of a real server, beside the originals, in the hands of its consumers."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import event_model
import httpx
import msgspec
import pytest
import suitcase.jsonl  # type: ignore[import-untyped]
from bluesky.callbacks import LiveTable
from bluesky.callbacks.best_effort import BestEffortCallback
from ophyd.sim import NumpySeqHandler
from tests.documents.samples import FOLDER, GOOD, read

from quire.client.replay import decode_msgpack
from quire.documents.document import Document
from quire.documents.identity import canonical
from quire.documents.references import anchor, parents, run_of

NDJSON = {"content-type": "application/x-ndjson"}
# Some files are parts of another's run.
WHOLE = [
    path
    for path in GOOD
    if not path.stem.startswith(("order_no_stop", "order_start_only"))
]
FORMS = ("ndjson", "json", "msgpack")

Pair = tuple[str, dict[str, Any]]
Consumer = Callable[[str, dict[str, Any]], object]


def runs_of(path: Path) -> Iterator[tuple[str, list[Document]]]:
    """Yield the runs of a file with the documents of each, as they were sent."""
    documents = read(path)
    of_anchor = {anchor(one): run_of(one) for one in documents}
    by_run: dict[str, list[Document]] = {}
    for one in documents:
        uid = run_of(one) or of_anchor[parents(one)[0]]
        assert uid is not None
        by_run.setdefault(uid, []).append(one)
    yield from by_run.items()


def pairs(documents: list[Document]) -> list[Pair]:
    return [(one.name.value, one.body) for one in documents]


def fetch(http: httpx.Client, uid: str, form: str, **query: str) -> list[Pair]:
    path = f"/api/v1/runs/{uid}/documents"
    with http.stream("GET", path, params={"format": form, **query}) as answer:
        assert answer.status_code == 200
        match form:
            case "msgpack":
                return list(decode_msgpack(answer.iter_bytes(100)))
            case "json":
                return [(name, doc) for name, doc in json.loads(answer.read())]
            case _:
                lines = answer.read().splitlines()
                return [(name, doc) for name, doc in map(json.loads, lines)]


def send(http: httpx.Client, path: Path) -> None:
    answer = http.post("/api/v1/documents", content=path.read_bytes(), headers=NDJSON)
    assert answer.json()["refused"] == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_each_form_gives_every_document(
    path: Path, form: str, http: httpx.Client
) -> None:
    send(http, path)
    for uid, documents in runs_of(path):
        back = fetch(http, uid, form)
        mine = [canonical(list(pair)) for pair in dict_once(pairs(documents))]
        assert [canonical(list(pair)) for pair in back] == mine


HARD = (
    b'{ "z" : 1, "a":[1.0, 1, -0.0,1e2 ,0.1],"uid":"%b","time": 1.50 ,\n'
    b' "nan":NaN,"up":Infinity, "down":-Infinity,\r\n"n53":9007199254740993,'
    b'"n64":18446744073709551616,"m":-9223372036854775809,"long":1%b,'
    b'"text":"\\u00b5 \xc2\xb5 \xf0\x9f\x94\xac \\ud83d\\ude00 \\n\\u0000","e":{}}'
)


@pytest.mark.parametrize("form", FORMS)
def test_hard_values_come_back_as_they_went(form: str, http: httpx.Client) -> None:
    uid = f"hard-{form}"
    raw = HARD % (uid.encode(), b"0" * 4000)
    body = b'[["start", %b]]' % raw
    headers = {"content-type": "application/json"}
    assert http.post("/api/v1/documents", content=body, headers=headers).json() == {
        "accepted": 1,
        "repeated": 0,
        "refused": [],
    }
    ((name, back),) = fetch(http, uid, form)
    sent = json.loads(raw)
    assert name == "start"
    assert canonical(back) == canonical(sent)
    assert list(back) == list(sent)
    assert math.copysign(1, back["a"][2]) == -1
    assert type(back["a"][0]) is float
    if form != "msgpack":
        text = http.get(f"/api/v1/runs/{uid}/documents", params={"format": form})
        kept = raw.replace(b"\n", b" ").replace(b"\r", b" ")
        assert kept in text.content


def test_beyond_64_bits_msgpack_has_decimal_digits(http: httpx.Client) -> None:
    start = b'["start", {"uid": "digits", "time": 1, "n": -18446744073709551617}]'
    http.post("/api/v1/documents", content=start, headers=NDJSON).raise_for_status()
    answer = http.get(
        "/api/v1/runs/digits/documents", headers={"accept": "application/x-msgpack"}
    )
    assert answer.headers["content-type"] == "application/x-msgpack"
    ((_, body),) = msgspec.msgpack.decode(answer.content)
    assert body["n"] == msgspec.msgpack.Ext(1, b"-18446744073709551617")


def test_both_copies_of_a_rewound_event_are_given(http: httpx.Client) -> None:
    path = FOLDER / "paused_rewound.jsonl"
    send(http, path)
    ((uid, _),) = runs_of(path)
    events = [doc for name, doc in fetch(http, uid, "ndjson") if name == "event"]
    numbers = [event["seq_num"] for event in events]
    assert len(numbers) > len(set(numbers))
    assert len({event["uid"] for event in events}) == len(events)


def test_received_order_is_the_order_of_arrival(http: httpx.Client) -> None:
    ((_, documents),) = runs_of(FOLDER / "scan.jsonl")
    text = b"\n".join(
        b'["%b",%b]' % (one.name.value.encode(), one.raw) for one in reversed(documents)
    ).replace(documents[0].body["uid"].encode(), b"turned-round")
    mine = [json.loads(line)[1]["uid"] for line in text.splitlines()]
    text = text.replace(b'"uid": "', b'"uid": "x').replace(b'"uid":"', b'"uid":"x')
    text = text.replace(b'"run_start": "', b'"run_start": "x')
    text = text.replace(b'"descriptor": "', b'"descriptor": "x')
    assert http.post("/api/v1/documents", content=text, headers=NDJSON).is_success
    uid = "xturned-round"
    received = fetch(http, uid, "json", order="received")
    assert [doc["uid"] for _, doc in received] == [f"x{one}" for one in mine]
    assert fetch(http, uid, "json")[0][0] == "start"


@pytest.fixture(params=WHOLE, ids=lambda path: path.stem)
def originals_and_replays(
    request: pytest.FixtureRequest, http: httpx.Client
) -> list[tuple[list[Pair], list[Pair]]]:
    send(http, request.param)
    return [
        (dict_once(pairs(documents)), fetch(http, uid, "msgpack"))
        for uid, documents in runs_of(request.param)
    ]


def dict_once(given: list[Pair]) -> list[Pair]:
    """Return the documents without identical repeats, which are stored once."""
    return [pair for at, pair in enumerate(given) if pair not in given[:at]]


class Told:
    """A handler that gives back what it was told of a datum."""

    def __init__(self, resource_path: str, **kwargs: Any) -> None:
        self._resource = [str(resource_path), kwargs]

    def __call__(self, **kwargs: Any) -> Any:
        return [self._resource, kwargs]


def consumed(consumer: Consumer, documents: list[Pair]) -> None:
    for name, doc in documents:
        consumer(name, doc)


def test_run_router_and_filler_give_the_same(
    originals_and_replays: list[tuple[list[Pair], list[Pair]]],
) -> None:
    def routed(documents: list[Pair]) -> bytes:
        seen: list[Any] = []
        specs = {doc["spec"] for name, doc in documents if name == "resource"}
        specs -= {"NPY_SEQ"}

        def factory(name: str, _: dict[str, Any]) -> tuple[list[Consumer], list[Any]]:
            filler = event_model.Filler(
                {"NPY_SEQ": NumpySeqHandler, **dict.fromkeys(specs, Told)},
                root_map={"/example/assets": str(FOLDER / "assets")},
                inplace=False,
                retry_intervals=[],
            )

            def keep(name: str, doc: dict[str, Any]) -> None:
                seen.append([name, event_model.sanitize_doc(filler(name, doc)[1])])

            keep(name, _)
            return [keep], []

        router = event_model.RunRouter([factory])
        consumed(router, documents)
        return canonical(seen)

    for originals, replays in originals_and_replays:
        assert routed(replays) == routed(originals)


def test_live_table_prints_the_same(
    originals_and_replays: list[tuple[list[Pair], list[Pair]]],
) -> None:
    def printed(documents: list[Pair]) -> list[str]:
        lines: list[str] = []
        fields = sorted(
            {
                key
                for name, doc in documents
                if name == "descriptor" and doc.get("name") == "primary"
                for key, data_key in doc["data_keys"].items()
                if data_key["dtype"] == "number" and not data_key["shape"]
            }
        )
        table = LiveTable(fields[:4], out=lines.append)  # type: ignore[no-untyped-call]
        single = [
            pair
            for pair in documents
            if pair[0] in {"start", "descriptor", "event", "stop"}
        ]
        consumed(table, single)
        return lines

    for originals, replays in originals_and_replays:
        assert printed(replays) == printed(originals)


def test_best_effort_callback_prints_the_same(
    originals_and_replays: list[tuple[list[Pair], list[Pair]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def printed(documents: list[Pair]) -> str:
        callback = BestEffortCallback()  # type: ignore[no-untyped-call]
        callback.disable_plots()  # type: ignore[no-untyped-call]
        consumed(callback, documents)
        return capsys.readouterr().out

    for originals, replays in originals_and_replays:
        assert printed(replays) == printed(originals)


def test_suitcase_writes_the_same_file(
    originals_and_replays: list[tuple[list[Pair], list[Pair]]], tmp_path: Path
) -> None:
    def written(documents: list[Pair], name: str) -> list[Any]:
        with suitcase.jsonl.Serializer(
            tmp_path / name, file_prefix="run"
        ) as serializer:
            consumed(serializer, documents)
        (file,) = (tmp_path / name).iterdir()
        return [json.loads(line) for line in file.read_text().splitlines()]

    for number, (originals, replays) in enumerate(originals_and_replays):
        assert written(replays, f"r{number}") == written(originals, f"o{number}")


@pytest.mark.parametrize("form", FORMS)
def test_what_was_upgraded_is_given_as_it_was_sent(
    form: str, http: httpx.Client
) -> None:
    uid = f"older-{form}"
    resource = {
        "uid": f"resource-{form}",
        "spec": "NPY_SEQ",
        "resource_path": "a.npy",
        "resource_kwargs": {"n": 2**70, "z": math.nan},
        "root": "/",
        "path_semantics": "posix",
        "run_start": uid,
    }
    descriptor = {
        "uid": f"descriptor-{form}",
        "time": 1.0,
        "run_start": uid,
        "data_keys": {"x": {"source": "s", "dtype": "number", "shape": None}},
    }
    sent: list[Any] = [
        ["start", {"uid": uid, "time": 1.0}],
        ["resource", resource],
        ["descriptor", descriptor],
    ]
    answer = http.post(
        "/api/v1/documents?legacy=true",
        content=json.dumps(sent),
        headers={"content-type": "application/json"},
    )
    assert answer.json()["refused"] == []
    assert canonical([list(p) for p in fetch(http, uid, form)]) != canonical(sent)
    originals = fetch(http, uid, form, original="true")
    assert canonical([list(pair) for pair in originals]) == canonical(sent)
