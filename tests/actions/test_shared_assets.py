"""A resource that several runs use, such as a dark frame, and its datums."""

import json
from typing import Any

import pytest

from quire.access.principals import Principal
from quire.actions.external import ExternalData
from quire.actions.ingest import Ingest
from quire.actions.rebuilding import differences, refolded
from quire.assets.registry import AssetFiles
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.testing.documents import make_descriptor

Items = list[list[Any]]


def run_of(uid: str, datum: str, *, resource: bool = True) -> Items:
    """Return a run whose event names a datum of the resource ``dark``."""
    described = make_descriptor(uid, f"{uid} d", ["image"])
    described["data_keys"]["image"] |= {"dtype": "array", "external": "FILESTORE:"}
    sent = {
        "uid": "dark",
        "spec": "NPY_SEQ",
        "root": "/",
        "resource_path": "x",
        "resource_kwargs": {},
        "run_start": uid,
    }
    event = {
        "uid": f"{uid} e",
        "descriptor": f"{uid} d",
        "seq_num": 1,
        "time": 1.0,
        "data": {"image": datum},
        "timestamps": {"image": 1.0},
    }
    stop = {"uid": f"{uid} s", "run_start": uid, "time": 2.0, "exit_status": "success"}
    return [
        ["start", {"uid": uid, "time": 1.0}],
        ["descriptor", described],
        *([["resource", sent]] if resource else []),
        ["datum", {"datum_id": datum, "resource": "dark", "datum_kwargs": {}}],
        ["event", event],
        ["stop", stop],
    ]


def cut(items: Items, how: str) -> list[Items]:
    if how == "each":
        return [[one] for one in items]
    if how == "whole":
        return [items]
    at = next(place for place, one in enumerate(items[1:], 1) if one[0] == "start")
    return [items[:at], items[at:]]


async def send(ingest: Ingest, parts: list[Items], sender: Principal) -> None:
    for part in parts:
        body = b"\n".join(json.dumps(one).encode() for one in part)
        assert (await ingest(body, "application/x-ndjson", sender)).refused == ()


async def the_run(store: Store, uid: str) -> tuple[Run, list[str]]:
    def question(tx: Transaction) -> tuple[Run, list[str]]:
        run = tx.runs.get(uid)
        assert run is not None
        folded = refolded(tx, run)
        assert isinstance(folded, Run)
        assert differences(run, folded) == ()
        return run, [one.name.value for one in tx.documents.of_run(uid)]

    return await store.view(question)


@pytest.mark.parametrize("how", ["each", "each run", "whole"])
async def test_each_run_has_its_datums_however_they_are_sent(
    ingest: Ingest, store: Store, staff: Principal, how: str
) -> None:
    items = [one for uid in "abc" for one in run_of(uid, "dark/0")]
    await send(ingest, cut(items, how), staff)
    for uid in "abc":
        run, names = await the_run(store, uid)
        assert sorted(names) == sorted(name for name, _ in run_of(uid, "dark/0"))
        assert run.findings == ()


@pytest.mark.parametrize("alone", [True, False])
async def test_a_page_is_copied_once(
    ingest: Ingest, store: Store, staff: Principal, *, alone: bool
) -> None:
    first, second = run_of("a", "dark/0"), run_of("b", "dark/0", resource=False)
    page = {"resource": "dark", "datum_id": ["dark/0", "dark/1"], "datum_kwargs": {}}
    first[3] = ["datum_page", page]
    del second[2]
    again = {**second[2][1], "uid": "again", "seq_num": 2, "data": {"image": "dark/1"}}
    second.append(["event", again])
    parts = [[one] for one in second] if alone else [second]
    await send(ingest, [first, *parts], staff)
    run, names = await the_run(store, "b")
    assert names.count("datum_page") == 1
    assert [one.uid for one in run.findings] == ["dark"]  # its resource is a's


@pytest.mark.parametrize("how", ["each", "each run", "whole"])
async def test_a_detector_staged_once_for_several_runs_can_be_read_in_each(
    ingest: Ingest, store: Store, staff: Principal, how: str
) -> None:
    second = run_of("b", "dark/1", resource=False)
    await send(ingest, cut([*run_of("a", "dark/0"), *second], how), staff)
    run, names = await the_run(store, "b")
    assert names.count("datum") == 1
    assert [(one.rule, one.uid) for one in run.findings] == [
        ("unknown_reference", "dark")
    ]
    external = await ExternalData(store, AssetFiles([])).of(run, "primary", 0)
    assert external.datums["dark/1"].asset == "dark"
    assert external.assets["dark"].location == "x"


async def test_a_datum_behind_the_event_that_names_it_can_be_read(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    second = run_of("b", "dark/1", resource=False)
    late = second.pop(3)
    await send(ingest, cut([*run_of("a", "dark/0"), *second, late], "each"), staff)
    run, names = await the_run(store, "b")
    assert names.count("datum") == 1
    assert [one.uid for one in run.findings] == ["dark"]  # its resource is a's
    assert (await the_run(store, "a"))[0].borrowers == ()
    external = await ExternalData(store, AssetFiles([])).of(run, "primary", 0)
    assert {"dark"} == {*external.assets} == {external.datums["dark/1"].asset}


@pytest.mark.parametrize("datum", ["dark/0", "of a form of its own"])
async def test_a_datum_may_stand_in_a_run_of_each_sender(
    ingest: Ingest, store: Store, staff: Principal, visitor: Principal, datum: str
) -> None:
    await send(ingest, [run_of("a", datum)], staff)
    await send(ingest, cut(run_of("b", datum), "each"), visitor)
    for uid in "ab":
        run, names = await the_run(store, uid)
        assert names.count("datum") == 1
        assert run.findings == ()


async def test_a_datum_of_any_form_goes_with_the_resource_before_it(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    await send(ingest, [run_of(uid, "of a form of its own") for uid in "ab"], staff)
    for uid in "ab":
        run, names = await the_run(store, uid)
        assert names.count("datum") == 1
        assert run.findings == ()


async def test_nobody_gets_a_datum_of_anothers_run(
    ingest: Ingest, store: Store, staff: Principal, visitor: Principal
) -> None:
    await send(ingest, [run_of("a", "dark/0")], staff)
    prying = run_of("b", "dark/0", resource=False)
    await send(ingest, [[one for one in prying if one[0] != "datum"]], visitor)
    run, names = await the_run(store, "b")
    assert "datum" not in names
    assert run.awaited == {"dark/0": "datum"}
    external = await ExternalData(store, AssetFiles([])).of(run, "primary", 0)
    assert external.datums == {}
