"""The guarantees of `quire.ports.document_records`."""

from collections.abc import Sequence

import numpy as np
import pytest

from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival, EventArrivals, StoredDocument
from quire.ports.store import Store, Transaction
from quire.testing.contracts.fixtures import ODD_UIDS, ContractFixtures, uuid

_ODD_BYTES = (
    b'{"time":NaN,"n":123456789012345678901234567890}',
    b'{ "b":1 , "a" : -Infinity }',
    "\N{SNOWMAN}\0".encode(),
    b"",
    b"\xff\xfe",
)


def _event(raw: bytes, *keys: int, anchor: str = "", waits_for: str = "") -> Arrival:
    return Arrival(
        name=DocumentName.EVENT,
        raw=raw,
        keys=keys,
        anchor=anchor,
        waits_for=waits_for,
    )


def _raws(documents: tuple[StoredDocument, ...]) -> list[bytes]:
    return [document.raw for document in documents]


async def _append(store: Store, run: str, arrivals: Sequence[Arrival]) -> None:
    await store.decide(lambda t: t.documents.append(run, arrivals))


async def _of_run(store: Store, run: str) -> tuple[StoredDocument, ...]:
    return await store.view(lambda t: tuple(t.documents.of_run(run)))


async def _run_of(store: Store, anchor: str) -> str | None:
    return await store.view(lambda t: t.documents.run_of(anchor))


class DocumentsContract(ContractFixtures):
    """Documents come back as they were received, in the order of arrival."""

    async def test_bytes_and_order_are_kept(self, store: Store) -> None:
        """Whatever the bytes and the uid of the run."""
        for uid in ODD_UIDS:
            arrivals = [_event(raw, place) for place, raw in enumerate(_ODD_BYTES)]
            page = Arrival(
                name=DocumentName.EVENT_PAGE,
                raw=b"page",
                keys=(-(2**63), 2**63 - 1, 0),
                repeated=(0, 2),
            )
            await _append(store, uid, arrivals)
            await _append(store, uid, [page])
            found = await _of_run(store, uid)
            assert _raws(found) == [*_ODD_BYTES, b"page"]
            assert found[-1].name is DocumentName.EVENT_PAGE
            assert found[-1].keys == page.keys
            assert found[-1].repeated == page.repeated
            numbers = [document.number for document in found]
            assert numbers == sorted(set(numbers))
            assert numbers[0] >= 1

    async def test_events_in_one_text_are_as_many_arrivals(self, store: Store) -> None:
        """They are stored, numbered and found as such."""
        text = b'["event",{"a":1}]\n["event", {}]'
        together = EventArrivals(
            text, np.array([9, 28]), np.array([16, 30]), (-(2**63), 2**63 - 1)
        )
        await _append(store, "run", [_event(b"first", 1)])
        await _append(store, "run", together)
        await _append(store, "run", [_event(b"last", 2)])
        found = await _of_run(store, "run")
        assert _raws(found) == [b"first", b'{"a":1}', b"{}", b"last"]
        assert [one.keys for one in found[1:3]] == [(-(2**63),), (2**63 - 1,)]
        assert all(one.name is DocumentName.EVENT for one in found)
        keys = [1, -(2**63), 2**63 - 1, 3]
        hits = await store.decide(lambda t: t.documents.find("run", keys))
        assert {key: _raws(each) for key, each in hits.items()} == {
            1: [b"first"],
            -(2**63): [b'{"a":1}'],
            2**63 - 1: [b"{}"],
        }

    async def test_numbers_grow_over_all_runs(self, store: Store) -> None:
        """Also where arrivals of two runs alternate."""

        def append(transaction: Transaction) -> None:
            for turn in range(6):
                transaction.documents.append(str(turn % 2), [_event(b"%d" % turn, 1)])

        await store.decide(append)
        both = [document for run in "01" for document in await _of_run(store, run)]
        in_order = sorted(both, key=lambda document: document.number)
        assert _raws(tuple(in_order)) == [b"0", b"1", b"2", b"3", b"4", b"5"]

    async def test_appending_nothing(self, store: Store) -> None:
        """Is no error."""
        await store.decide(lambda t: t.documents.append("run", []))
        assert await store.view(lambda t: tuple(t.documents.of_run("run"))) == ()

    async def test_find_tells_all_documents_with_a_key(self, store: Store) -> None:
        """Different documents may share a hash; another run's do not count."""

        def decide(transaction: Transaction) -> dict[int, tuple[StoredDocument, ...]]:
            documents = transaction.documents
            documents.append("run", [_event(b"a", 7, 8), _event(b"b", 7)])
            documents.append("other", [_event(b"c", 7, 9)])
            first = documents.find("run", [7])
            documents.append("run", [_event(b"d", 7, 7)])
            assert _raws(first[7]) == [b"a", b"b"]
            return documents.find("run", [7, 8, 9, 10, 7])

        for found in (
            await store.decide(decide),
            await store.view(lambda t: t.documents.find("run", [7, 8, 9, 10])),
        ):
            assert set(found) == {7, 8}
            assert _raws(found[7]) == [b"a", b"b", b"d"]
            assert _raws(found[8]) == [b"a"]

    async def test_find_forgets_what_was_taken_back(self, store: Store) -> None:
        """A raising decision's documents are not found by the next."""
        await store.decide(lambda t: t.documents.append("run", [_event(b"a", 1)]))

        def bad(transaction: Transaction) -> None:
            transaction.documents.find("run", [1])
            transaction.documents.append("run", [_event(b"b", 1, 2)])
            transaction.documents.append(None, [_event(b"w", 3, waits_for="x")])
            transaction.documents.find(None, [3])
            transaction.documents.find("new", [1])
            transaction.documents.append("new", [_event(b"n", 1)])
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await store.decide(bad)

        found = await store.decide(lambda t: t.documents.find("run", [1, 2]))
        assert {key: _raws(value) for key, value in found.items()} == {1: [b"a"]}
        assert await store.decide(lambda t: t.documents.find(None, [3])) == {}
        assert await store.decide(lambda t: t.documents.find("new", [1])) == {}

    async def test_run_of_the_first_anchor(self, store: Store) -> None:
        """Unknown, or still waiting, is None; the first to use it keeps it."""

        def decide(transaction: Transaction) -> None:
            documents = transaction.documents
            for place, uid in enumerate(ODD_UIDS):
                documents.append(uid, [_event(b"", place, anchor="anchor of " + uid)])
            documents.append("later", [_event(b"", 1, anchor="anchor of zebra")])
            documents.append(None, [_event(b"", 2, anchor=uuid(1), waits_for="x")])

        await store.decide(decide)
        for uid in ODD_UIDS:
            assert await _run_of(store, "anchor of " + uid) == uid
        assert await store.view(lambda t: t.documents.run_of(uuid(1))) is None
        assert await store.view(lambda t: t.documents.run_of("")) is None

    async def test_waiting_documents_are_adopted(self, store: Store) -> None:
        """They keep their numbers, are found in their run, and anchor others."""

        def wait(transaction: Transaction) -> None:
            documents = transaction.documents
            documents.append(
                None,
                [
                    _event(b"1", 1, anchor=uuid(5), waits_for=uuid(4)),
                    _event(b"2", 2, waits_for="other"),
                    _event(b"3", 3, 1, waits_for=uuid(4)),
                ],
            )
            documents.append("run", [_event(b"4", 4)])
            documents.append(None, [_event(b"5", 5, waits_for=uuid(4))])

        await store.decide(wait)
        waiting = await store.decide(lambda t: t.documents.find(None, [1, 2, 3, 4]))
        assert _raws(waiting[1]) == [b"1", b"3"]
        assert set(waiting) == {1, 2, 3}

        adopted = await store.decide(lambda t: t.documents.adopt(uuid(4), "run"))
        assert _raws(adopted) == [b"1", b"3", b"5"]
        assert adopted[0] == waiting[1][0]
        again = await store.decide(lambda t: t.documents.adopt(uuid(4), "run"))
        assert again == ()
        of_run = await store.view(lambda t: tuple(t.documents.of_run("run")))
        assert _raws(of_run) == [b"1", b"3", b"4", b"5"]
        assert await store.view(lambda t: t.documents.run_of(uuid(5))) == "run"
        left = await store.decide(lambda t: t.documents.find(None, [1, 2, 3, 5]))
        assert set(left) == {2}
        found = await store.decide(lambda t: t.documents.find("run", [1, 2, 5]))
        assert {key: _raws(value) for key, value in found.items()} == {
            1: [b"1", b"3"],
            5: [b"5"],
        }
