"""Names and uids that are longer than an entry of an index, in every table."""

import json
import random
from pathlib import Path

import msgspec
import psycopg
from tests.storage.alone import using

from quire.documents.document import Document
from quire.jobs.job import Job
from quire.jobs.outside import begin
from quire.ports.acquisition_records import AcquisitionQuery
from quire.ports.inlet_records import InletPosition, SetAside
from quire.ports.job_records import JobQuery
from quire.ports.outbox_records import Position
from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.ports.store import Store, Transaction
from quire.ports.switch_records import Switch
from quire.products.product import Product
from quire.progress.event import info
from quire.progress.log import Head, append
from quire.runs.changes import AddComment, Entry
from quire.runs.run_list import RunList
from quire.runs.searchable import searchable
from quire.storage.codec import Codec
from quire.storage.moving.move import Moved, move
from quire.storage.moving.places import open_side
from quire.storage.postgres.migrate import migrate
from quire.storage.postgres.schema_steps import steps
from quire.testing.contracts.labs import lab
from quire.testing.contracts.saved_queries import query
from quire.testing.documents import document, make_run
from quire.testing.outlet_contract import take
from quire.testing.postgres.server import PostgresServer


def _noise(seed: int, length: int) -> str:
    """Return text that no compression makes fit an index."""
    return "".join(map(chr, random.Random(seed).choices(range(32, 900), k=length)))


BEGUN = _noise(0, 700)
NAMES = (BEGUN + _noise(1, 4300), BEGUN + _noise(2, 4300), BEGUN)
# Nothing there has a name that a user chooses, or it is made of what is elsewhere.
WITHOUT = frozenset(
    {"durability", "facet", "field_index", "field_value", "run_described", "token"}
    | {"moving", "outbox_untold", "run_lease", "long_key", "quire_schema"}
    | {"acquisition_change_counter", "job_number_counter", "waiting_key"}
    | {"outbox_mark", "facet_change", "access_list", "data_folder"}
)


def _documents(name: str) -> list[Document]:
    """Return a run whose uids are all this long."""
    return [
        document(one.name.value, _renamed(one.body, name))
        for one in make_run(name[-9:], 3)
    ]


def _renamed(body: dict[str, object], name: str) -> dict[str, object]:
    return {
        key: f"{name}{value}" if key in ("uid", "run_start", "descriptor") else value
        for key, value in body.items()
    }


def _uid(name: str) -> str:
    return str(_documents(name)[0].body["uid"])


async def _fill(store: Store) -> None:
    for name in NAMES:
        start, descriptor, *rest = _documents(name)
        await take(store, rest)  # they wait for the descriptor to tell
        await take(store, [start, descriptor])
        await take(store, _documents(name + "!")[2:4])  # and these for ever
        await store.decide(lambda tx, one=name: _put(tx, one))  # type: ignore[misc]


def _put(tx: Transaction, name: str) -> None:
    uid = _uid(name)
    tag = str(NAMES.index(name))
    wanted = {"id": name, "target": {"fileId": name}}
    tx.jobs.put(
        Job(
            id=f"merge-{tag}",
            kind="merge",
            owner=name,
            created=1.0,
            run_id=name,
            runs=(uid,),
            parameters={"SPECIFICATION": json.dumps(wanted), name: "x"},
        )
    )
    tx.jobs.put(
        begin(job=f"out-{tag}", service=name, owner=name, parameters={}, now=2.0)
    )
    tx.numbers.allocate(f"out-{tag}")
    assert tx.jobs.reserve(name, name, tag) == tag
    tx.products.put(_product(name))
    head, entry = append(Head(operation=name), info("begun", 1), at=1.0)
    assert entry is not None
    tx.progress.append(head, entry)
    tx.run_history.append(_entry(uid))
    tx.run_lists.put(_list(name))
    tx.saved_queries.put(query(name, name, shared=True))
    tx.inlets.move(name, [InletPosition(key=name, state=b"s")])
    tx.inlets.set_aside(_aside(name))
    tx.outbox.move(name, Position())
    tx.outlet_runs.put(OutletRun(outlet=name, run=uid, state=RunState.DONE))
    tx.labs.put(lab(name, f"lab {name}"))
    tx.switches.put(Switch(space=name, name=name, on=True, by="me", at=1.0))


def _product(name: str) -> Product:
    return Product(
        id=f"product-{NAMES.index(name)}",
        kind="merge",
        owner=name,
        runs=(_uid(name),),
        file="f",
        manifest="m",
        size=1,
        sha256="ab",
        mime_type="image/fits",
        made=1.0,
    )


def _aside(name: str) -> SetAside:
    return SetAside(inlet=name, place=name, digest="d", reason="odd", raw=b"", at=1.0)


def _entry(uid: str) -> Entry:
    change = AddComment(text="seen")
    return Entry(run=uid, version=1, at=1.0, author="me", change=change, batch=uid)


def _list(name: str) -> RunList:
    return RunList(
        name=name,
        version=1,
        query="",
        author=name,
        at=1.0,
        members=(),
        data_version="",
    )


def _check(tx: Transaction) -> None:
    for name in NAMES:
        _check_records(tx, name)
        _check_jobs(tx, name)
    assert tx.numbers.services() == tuple(sorted(NAMES))
    assert tx.numbers.owners() == tuple(sorted(NAMES))


def _check_records(tx: Transaction, name: str) -> None:
    uid = _uid(name)
    documents = sorted(one.raw for one in _documents(name))
    assert sorted(one.raw for one in tx.documents.of_run(uid)) == documents
    run = tx.runs.get(uid)
    assert run is not None
    assert run.uid == uid
    assert tx.documents.run_of(str(_documents(name)[1].body["uid"])) == uid
    assert tx.products.of_run(uid) == (_product(name),)
    assert tx.products.newest(9, name) == (_product(name),)
    assert len(tx.progress.entries(name, 0, 9)) == 1
    assert tx.run_history.of_run(uid) == tx.run_history.of_batch(uid) == (_entry(uid),)
    assert tx.run_lists.get(name, None) == tx.run_lists.get(name, 1) == _list(name)
    assert tx.saved_queries.newest(name, name) == tx.saved_queries.shared(name)
    assert tx.saved_queries.newest(name, name) in tx.saved_queries.page(
        name, ("", ""), 9
    )
    assert tx.inlets.positions(name) == (InletPosition(key=name, state=b"s"),)
    assert tx.inlets.aside_count(name) == len(tx.inlets.aside(name, 0, 9)) == 1
    assert tx.outbox.position(name) == Position()
    done = OutletRun(outlet=name, run=uid, state=RunState.DONE)
    assert tx.outlet_runs.get(name, uid) == done
    states = frozenset({RunState.DONE})
    asked = OutletRunQuery(outlet=name, states=states, limit=9)
    assert tx.outlet_runs.page(asked) == (done,)
    assert tx.outlet_runs.count(name, states) == 1
    own = lab(name, f"lab {name}")
    assert tx.labs.get(name) == tx.labs.of_operation(own.id) == own
    switch = tx.switches.get(name, name)
    assert switch is not None
    assert switch.name == name


def _check_jobs(tx: Transaction, name: str) -> None:
    tag = str(NAMES.index(name))
    for asked in (
        JobQuery(limit=9, run=_uid(name)),
        JobQuery(limit=9, run_id=name),
        JobQuery(limit=9, parameters=((name, "x"),)),
        JobQuery(limit=9, owner=name, kind="merge"),
    ):
        assert [job.id for job in tx.jobs.page(asked)] == [f"merge-{tag}"]
    found = tx.acquisitions.get(name)
    assert found is not None
    assert found.id == name
    text = name[-40:]  # behind what an index has of it
    page = tx.acquisitions.page(AcquisitionQuery(limit=9, text=text))
    assert name in [one.id for one in page]


def _moved(source: str | Path, destination: str | Path) -> Moved:
    one = open_side(str(source), searchable, writing=False)
    other = open_side(str(destination), searchable, writing=True)
    try:
        return move(one, other, told=lambda *_: None, waiting=lambda _: None, wait=0)
    finally:
        other.close()
        one.close()


def test_every_table_takes_names_of_any_length(
    tmp_path: Path, postgres_url: str
) -> None:
    """And gives them back, also when the store is moved."""
    using(postgres_url, _fill)
    using(postgres_url, lambda store: store.view(_check))
    with psycopg.connect(postgres_url) as connection:
        tables = {
            row[0]
            for row in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
        }
        for table in sorted(tables - WITHOUT):
            asked = f"SELECT count(*) FROM {table}"  # noqa: S608  # a name of ours
            count = connection.execute(asked.encode())
            assert count.fetchone() != (0,), f"{table} is not tried"
    back = _moved(postgres_url, tmp_path / "b")
    using(tmp_path / "b", lambda store: store.view(_check))
    using(tmp_path / "a", _fill)
    own = _moved(tmp_path / "a", tmp_path / "c")
    assert {one.kind: one.rows for one in back.kinds} == {
        one.kind: one.rows for one in own.kinds
    }


def test_long_names_are_moved_to_a_database(tmp_path: Path, postgres_url: str) -> None:
    using(tmp_path / "a", _fill)
    there = _moved(tmp_path / "a", postgres_url)
    assert {one.changed for one in there.kinds} == {0}
    using(postgres_url, lambda store: store.view(_check))
    back = _moved(postgres_url, tmp_path / "b")
    assert [(one.kind, one.digest) for one in back.kinds] == [
        (one.kind, one.digest) for one in there.kinds
    ]
    going = [
        using(
            place, lambda store: store.view(lambda tx: tx.outbox.behind(Position(), 99))
        )
        for place in (tmp_path / "a", tmp_path / "b")
    ]
    assert going[0] == going[1] > 0


def test_long_names_of_an_older_store_are_found(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Until schema 6 their columns held all of them, as far as an index took it."""
    name = _noise(3, 500)
    uid = _uid(name)
    asked = query(name, name, shared=True)
    done = OutletRun(outlet=name, run=uid, state=RunState.DONE)
    with postgres_server.database("older_store") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            migrate(connection, steps()[:5])
            older: tuple[tuple[str, str, list[object]], ...] = (
                ("run_change", "run, version, batch, entry", [uid, 1, "", _entry(uid)]),
                (
                    "saved_query",
                    "name, owner, version, standing, record",
                    [name, name, 1, 2, asked],
                ),
                (
                    "outlet_run",
                    "outlet, run, state, not_before, record",
                    [name, uid, "done", 0.0, done],
                ),
                ("outlet", "name, number, late", [name, 0, 0]),
                ("inlet_position", "inlet, key, state", [name, name, b"s"]),
            )
            for table, columns, values in older:
                places = ", ".join(["%s"] * len(values))
                put = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608
                connection.execute(put.encode(), list(map(_older, values)))

        def check(tx: Transaction) -> None:
            assert tx.run_history.of_run(uid) == (_entry(uid),)
            assert tx.saved_queries.shared(name) == asked
            assert tx.outlet_runs.get(name, uid) == done
            assert tx.outbox.position(name) == Position()
            assert tx.inlets.positions(name) == (InletPosition(key=name, state=b"s"),)

        using(url, lambda store: store.view(check))
        _moved(url, tmp_path / "moved")
    using(tmp_path / "moved", lambda store: store.view(check))


def _older(value: object) -> object:
    if isinstance(value, str) and len(value) > 10:
        return value.encode()
    if isinstance(value, msgspec.Struct):
        return Codec(type(value)).encode(value)
    return value
