"""Forwarding to another Quire: real servers, one of them killed in between."""

import asyncio
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.outlets.serving import Quire

from quire.outlets.quire import QuireOutlet, encode
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.outlet import DocumentOutlet, OutletUnavailable
from quire.ports.store import Store
from quire.testing.documents import as_ndjson, document, make_run, make_uid
from quire.testing.outlet_contract import OutletContract, Target, take
from quire.testing.strangers import stranger
from quire.testing.waiting import PATIENCE, until_async

pytestmark = pytest.mark.crash


class QuireTarget:
    def __init__(self, quire: Quire) -> None:
        self._quire = quire

    def outlet(self) -> DocumentOutlet:
        return QuireOutlet(self._quire.url, lambda: self._quire.token)

    async def received(self, run: str) -> list[dict[str, Any]]:
        items = await asyncio.to_thread(self._quire.documents, run)
        return [body for _, body in items]


@pytest.fixture(scope="module")
def target_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quire]:
    quire = Quire(tmp_path_factory.mktemp("target") / "data")
    quire.start()
    yield quire
    quire.kill()


class TestQuireOutlet(OutletContract):
    @pytest.fixture
    async def target(self, target_server: Quire) -> Target:
        return QuireTarget(target_server)


async def _outgoing(store: Store) -> list[Outgoing]:
    return list(await store.view(lambda tx: tx.outbox.after(Position(), Amount())))


async def test_bytes_are_kept_even_with_line_breaks(
    store: Store, target_server: Quire
) -> None:
    start = document("start", {"uid": make_uid("lines", "start"), "time": 1.0})
    raw = b'{\n  "uid": "%s",\n "time": NaN,\n "n": 123456789012345678901234567890}'
    raw = raw % start.body["uid"].encode()
    raw = raw.replace(b"NaN", b"1e3")
    await take(store, [start])
    (one,) = await _outgoing(store)
    changed = Outgoing(
        run=one.run,
        document=type(one.document)(
            number=1, name=one.document.name, raw=raw, keys=one.document.keys
        ),
    )
    body, media_type = encode([changed])
    assert raw in body
    assert media_type == "application/json"
    outlet = QuireOutlet(target_server.url, lambda: target_server.token)
    assert await outlet.send([changed]) == ()
    await outlet.aclose()
    with target_server.http() as http:
        text = http.get(f"/api/v1/runs/{start.body['uid']}/documents").content
    assert b"123456789012345678901234567890" in text


async def test_a_conflict_and_a_refusal_are_told_and_cost_no_other(
    store: Store, target_server: Quire
) -> None:
    documents = make_run("conflict", 4)
    other = dict(documents[2].body, time=5.0)
    target_server.post(as_ndjson([*documents[:2], document("event", other)]))
    await take(store, documents)
    outlet = QuireOutlet(target_server.url, lambda: target_server.token)
    (refused,) = await outlet.send(await _outgoing(store))
    await outlet.aclose()
    assert refused.document.document.raw == documents[2].raw
    said = f"event {documents[2].body['uid']}: other content"
    assert refused.reason.startswith(said)
    stored = await asyncio.to_thread(target_server.documents, documents[0].body["uid"])
    assert len(stored) == len(documents)


async def test_a_document_that_is_too_large_is_found_among_others(
    store: Store, tmp_path: Path
) -> None:
    quire = Quire(tmp_path / "small", "body_limit = 2000\n")
    quire.start()
    try:
        documents = make_run("large", 4)
        big = dict(documents[0].body, uid=make_uid("big"), note="x" * 5000)
        await take(store, [*documents[:3], document("start", big), *documents[3:]])
        outlet = QuireOutlet(quire.url, lambda: quire.token)
        (refused,) = await outlet.send(await _outgoing(store))
        await outlet.aclose()
        assert refused.document.run == make_uid("big")
        stored = await asyncio.to_thread(quire.documents, documents[0].body["uid"])
        assert [body for _, body in stored] == [one.body for one in documents]
    finally:
        quire.kill()


@pytest.mark.parametrize(
    ("token", "path", "said"), [("wrong", "", "401"), (None, "/elsewhere", "404")]
)
async def test_what_a_person_can_mend_is_tried_again(
    store: Store, target_server: Quire, token: str | None, path: str, said: str
) -> None:
    await take(store, make_run("mend", 1))
    outlet = QuireOutlet(target_server.url + path, lambda: token or target_server.token)
    with pytest.raises(OutletUnavailable, match=said):
        await outlet.send(await _outgoing(store))
    await outlet.aclose()


async def test_a_token_may_be_renewed(store: Store, target_server: Quire) -> None:
    await take(store, make_run("renewed", 1))
    tokens = iter(["expired", target_server.token])
    outlet = QuireOutlet(target_server.url, lambda: next(tokens))
    with pytest.raises(OutletUnavailable, match="401"):
        await outlet.send(await _outgoing(store))
    for _ in range(2):
        assert await outlet.send(await _outgoing(store)) == ()
    await outlet.aclose()


@pytest.mark.parametrize("status", [200, 301, 400, 422, 502])
async def test_who_is_no_quire_refuses_nothing(store: Store, status: int) -> None:
    await take(store, make_run(1, 2))
    with stranger(status) as url:
        outlet = QuireOutlet(url, lambda: "token")
        with pytest.raises(OutletUnavailable, match="not here"):
            await outlet.send(await _outgoing(store))
        await outlet.aclose()


async def test_nobody_there(store: Store) -> None:
    await take(store, make_run("nobody", 1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outlet = QuireOutlet(f"http://127.0.0.1:{taken.getsockname()[1]}", lambda: "x")
        with pytest.raises(OutletUnavailable):
            await outlet.send(await _outgoing(store))
        await outlet.aclose()


async def test_a_target_that_never_answers_is_given_up(store: Store) -> None:
    await take(store, make_run("silent", 1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        outlet = QuireOutlet(url, lambda: "x", timeout=0.1)
        with pytest.raises(OutletUnavailable, match="Timeout"):
            await outlet.send(await _outgoing(store))
        await outlet.aclose()


def _settings(folder: Path, target: Quire) -> str:
    (folder / "target-token").write_text(target.token)
    return (
        '[outlets.backup]\nto = "quire"\n'
        f'url = "{target.url}"\ntoken_file = "{folder / "target-token"}"\n'
    )


async def test_both_servers_killed_again_and_again_lose_nothing(
    tmp_path: Path,
) -> None:
    target = Quire(tmp_path / "target")
    target.start()
    source = Quire(tmp_path / "source", _settings(tmp_path, target))
    source.start()
    dice = random.Random(5)
    runs = [make_run(("kill", seed), 25) for seed in range(6)]
    try:
        for place, run in enumerate(runs):
            half = dice.randrange(2, 27)
            source.post(as_ndjson(run[:half]))
            victim = (source, target)[place % 2]
            victim.kill()
            if victim is source:
                source.start()
            source.post(as_ndjson(run[half:]))
            if victim is target:
                target.start()

        async def arrived() -> bool:
            return all(
                len(target.documents(run[0].body["uid"])) == len(run) for run in runs
            )

        await until_async(arrived)
        for run in runs:
            assert target.documents(run[0].body["uid"]) == source.documents(
                run[0].body["uid"]
            )

        async def done() -> bool:
            return bool(source.outlets()[0]["behind"] == 0)

        await until_async(done)
        (status,) = source.outlets()
        assert status["target"] == target.url
        assert not status["runs"]
        _check_the_verbs(source)
    finally:
        source.kill()
        target.kill()


def _check_the_verbs(source: Quire) -> None:
    with source.http() as http:
        at = "/api/v1/outlets/backup"
        assert http.post(f"{at}/retry", json={}).json()["name"] == "backup"
        none = http.post(f"{at}/retry", json={"run": "none"})
        assert none.status_code == 404
        skip = http.post(f"{at}/skip", json={"run": "none", "reason": ""})
        assert skip.status_code == 422
        assert http.post("/api/v1/outlets/other/retry").status_code == 404
    assert (
        httpx.get(source.url + "/api/v1/outlets", timeout=PATIENCE).status_code == 401
    )


async def test_a_black_hole_does_not_stop_ingest(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        url = f"http://127.0.0.1:{hole.getsockname()[1]}"
        (tmp_path / "token").write_text("x")
        source = Quire(
            tmp_path / "source",
            f'[outlets.hole]\nto = "quire"\nurl = "{url}"\n'
            f'token_file = "{tmp_path / "token"}"\n',
        )
        source.start()
        try:
            sent = 0
            for seed in range(20):
                sent += source.post(as_ndjson(make_run(seed, 50)))["accepted"]
            (status,) = source.outlets()
            assert (sent, status["behind"], status["sent"]) == (1060, 1060, 0)
        finally:
            source.kill()
