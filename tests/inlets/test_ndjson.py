import asyncio
import os
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.actions.inlet_pump import InletPump
from quire.documents.document import Document
from quire.inlets.ndjson import NdjsonInlet
from quire.ports.inlet import Batch, Inlet, InletUnavailable
from quire.ports.inlet_records import InletPosition
from quire.testing.documents import make_run
from quire.testing.inlet_contract import (
    Crash,
    Fuse,
    FusedStore,
    InletContract,
    Source,
    new_pump,
    new_store,
    stored,
)


def as_line(document: Document) -> bytes:
    return b'["%s",%s]\n' % (document.name.value.encode(), document.raw)


class FileSource:
    def __init__(self, folder: Path, path: Path) -> None:
        self._path = path
        self._file = path if path != folder else folder / "one.ndjson"

    def inlet(self) -> Inlet:
        return NdjsonInlet(self._path, interval=0.005)

    async def publish(self, documents: Sequence[Document]) -> None:
        # In pieces that end within a line.
        text = b"".join(map(as_line, documents))
        with self._file.open("ab", buffering=0) as file:
            for at in range(0, len(text), 1000):
                file.write(text[at : at + 1000])

    async def publish_rubbish(self) -> None:
        with self._file.open("ab") as file:
            file.write(b"{rubbish\n")

    async def settle(self, pump: InletPump) -> None:
        pass


class TestNdjsonFile(InletContract):
    @pytest.fixture
    def new_source(self, tmp_path: Path) -> Callable[[], Source]:
        numbers = count()
        return lambda: FileSource(tmp_path, tmp_path / f"{next(numbers)}.txt")


class TestNdjsonFolder(InletContract):
    @pytest.fixture
    def new_source(self, tmp_path: Path) -> Callable[[], Source]:
        numbers = count()

        def make() -> Source:
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            return FileSource(folder, folder)

        return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


async def taken(inlet: Inlet, amount: int) -> list[tuple[str, bytes]]:
    """Take and commit until there are so many items; their places and lines."""
    found: list[tuple[str, bytes]] = []
    while len(found) < amount:
        batch = await inlet.take()
        await inlet.commit(batch)
        found += [(item.place, item.line) for item in batch.items]
    return found


def reader(path: Path, *, longest: int = 10_000) -> NdjsonInlet:
    return NdjsonInlet(path, interval=0.005, longest=longest)


def now(inlet: NdjsonInlet) -> Batch:
    """Return what there is, without waiting."""
    return inlet._collect()


async def test_lines_keep_their_bytes_and_their_numbers(folder: Path) -> None:
    odd = b'[ "start" , {"b":1,  "a":1e0, "n":NaN, "t":"\xc3\xbc\\u0000"} ]'
    (folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf[1]\r\n\n  \n" + odd + b"\n[2]\n")
    found = await taken(reader(folder), 3)
    assert found == [("a.jsonl:1", b"[1]"), ("a.jsonl:4", odd), ("a.jsonl:5", b"[2]")]


async def test_the_last_line_waits_until_it_is_whole(folder: Path) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b'["start",{"a":[1')
    inlet = reader(folder)
    for grown in (b"", b"]", b'}, "b"'):
        with file.open("ab") as stream:
            stream.write(grown)
        assert now(inlet) == Batch(items=())
    assert inlet.notes() == ("a.ndjson: 23 bytes behind line 0 are no whole line yet",)
    file.write_bytes(b'["start",{"a":[1]}]')
    assert await taken(inlet, 1) == [("a.ndjson:1", b'["start",{"a":[1]}]')]
    with file.open("ab") as stream:
        stream.write(b"\n[2]\n")
    assert await taken(inlet, 1) == [("a.ndjson:2", b"[2]")]
    assert now(inlet) == Batch(items=())
    assert inlet.notes() == ()


@pytest.mark.parametrize("path", ["", "a.ndjson"])
async def test_a_rotated_file_is_read_to_its_end_by_its_new_name(
    folder: Path, path: str
) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b"[1]\n[2")
    inlet = reader(folder / path)
    assert await taken(inlet, 1) == [("a.ndjson:1", b"[1]")]
    with file.open("ab", buffering=0) as writer:
        file.rename(folder / "a.ndjson.1")
        file.write_bytes(b"[4]\n")
        writer.write(b"]\n[3]\n")
    found = await taken(inlet, 3)
    assert found == [
        ("a.ndjson.1:2", b"[2]"),
        ("a.ndjson.1:3", b"[3]"),
        ("a.ndjson:1", b"[4]"),
    ]


async def test_a_file_rotated_while_nobody_looked_is_read_too(folder: Path) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b"[1]\n")
    inlet = reader(file)
    assert len(await taken(inlet, 1)) == 1
    file.rename(folder / "a.ndjson.2")
    (folder / "a.ndjson.1").write_bytes(b"[2]\n")
    file.write_bytes(b"[3]\n")
    (folder / "other.ndjson").write_bytes(b"[4]\n")
    assert sorted(line for _, line in await taken(inlet, 2)) == [b"[2]", b"[3]"]
    assert now(inlet) == Batch(items=())


@pytest.mark.parametrize("length", [1, 100, 100_000])
async def test_a_file_written_anew_is_read_from_its_beginning(
    folder: Path, length: int
) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b'["old"]\n' * 1000)
    inlet = reader(folder)
    assert len(await taken(inlet, 1000)) == 1000
    # The same inode and, with the greatest length, more than before.
    file.write_bytes(b'["new"]\n' * length)
    found = await taken(inlet, length)
    assert {line for _, line in found} == {b'["new"]'}
    assert found[0][0] == "a.ndjson:1"


@pytest.mark.parametrize("path", ["", "a.ndjson"])
@pytest.mark.parametrize("length", [0, 1, 10_000])
async def test_another_file_by_the_inode_of_one_that_was_read_is_left_alone(
    folder: Path, path: str, length: int
) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b"[1]\n[2]\n")
    inlet = reader(folder / path)
    assert len(await taken(inlet, 2)) == 2
    # As a file system does that gives the inode of a deleted file to the next one.
    file.rename(folder / "private.txt")
    with (folder / "private.txt").open("r+b") as other:
        other.truncate(0)
        other.write(b"secret\n" * length)
    assert now(inlet) == Batch(items=())
    file.write_bytes(b"[3]\n")
    assert await taken(inlet, 1) == [("a.ndjson:1", b"[3]")]
    assert now(inlet) == Batch(items=())


async def test_a_file_replaced_by_another_is_read_from_its_beginning(
    folder: Path,
) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b"[1]\n[2]\n")
    inlet = reader(folder)
    assert len(await taken(inlet, 2)) == 2
    (folder / "new").write_bytes(b"[3]\n[4]\n[5]\n")
    (folder / "new").replace(file)
    assert [line for _, line in await taken(inlet, 3)] == [b"[3]", b"[4]", b"[5]"]


async def test_a_file_cut_to_nothing_is_read_when_it_grows_again(folder: Path) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b"[1]\n")
    inlet = reader(folder)
    assert len(await taken(inlet, 1)) == 1
    file.write_bytes(b"")
    batch = now(inlet)
    assert not batch.items
    await inlet.commit(batch)
    file.write_bytes(b"[1]\n")
    assert await taken(inlet, 1) == [("a.ndjson:1", b"[1]")]


async def test_a_file_on_a_file_system_mounted_anew_is_read_on(folder: Path) -> None:
    (folder / "one.ndjson").write_bytes(b'["start",1]\n["start",2]\n')
    (folder / "two.ndjson").write_bytes(b'["start",3]\n')
    batch = now(reader(folder))
    assert len(batch.items) == 3
    former = [  # a network file system has another device each time
        InletPosition(key=f"7:{one.key.rpartition(':')[2]}", state=one.state)
        for one in batch.positions
    ]
    (folder / "two.ndjson").write_bytes(b'["start",4]\n')
    inlet = reader(folder)
    await inlet.begin(former)
    again = now(inlet)
    assert [item.line for item in again.items] == [b'["start",4]']
    assert {one.key for one in again.positions} == {one.key for one in batch.positions}
    await inlet.commit(again)
    assert now(inlet) == Batch(items=())


async def test_links_are_not_followed(folder: Path) -> None:
    secret = folder.parent / "secret.ndjson"
    secret.write_bytes(b'["secret"]\n')
    (folder / "a.ndjson").symlink_to(secret)
    (folder / "deep.ndjson").symlink_to(folder.parent)
    os.mkfifo(folder / "pipe.ndjson")
    (folder / "sub.ndjson").mkdir()
    inlet = reader(folder)
    assert now(inlet) == Batch(items=())
    assert inlet.notes() == (
        "a.ndjson: a symbolic link is not followed",
        "deep.ndjson: a symbolic link is not followed",
        "folders are not looked into (1, such as sub.ndjson)",
    )


async def test_what_is_passed_over_is_told(folder: Path) -> None:
    for name in ("a.ndjson.gz", "b.json", ".hidden"):
        (folder / name).write_bytes(b"[1]\n")
    (folder / "2025").mkdir()
    (folder / "2026").mkdir()
    inlet = reader(folder)
    assert now(inlet) == Batch(items=())
    assert inlet.notes() == (
        "folders are not looked into (2, such as 2025)",
        "names that no pattern matches (2, such as a.ndjson.gz)",
    )
    (folder / "one").write_bytes(b"")
    alone = reader(folder / "one")
    assert now(alone) == Batch(items=())
    assert alone.notes() == ()


async def test_a_file_swapped_for_a_link_after_the_listing_is_not_read(
    folder: Path,
) -> None:
    file = folder / "a.ndjson"
    file.write_bytes(b"[1]\n")
    (folder.parent / "secret").write_bytes(b'["secret"]\n')
    inlet = reader(folder)
    with inlet._listing.opened(()) as opened:
        file.unlink()
        file.symlink_to(folder.parent / "secret")
        assert inlet._read(opened, opened.files[0]) is None
        file.unlink()
        (folder.parent / "secret").rename(file)
        assert inlet._read(opened, opened.files[0]) is None


async def test_a_name_that_is_no_text_can_be_shown(
    folder: Path,
) -> None:
    (folder / "good.ndjson").write_bytes(b"[1]\n")
    (folder / os.fsdecode(b"b\xff.ndjson")).write_bytes(b"[2]\n")
    inlet = reader(folder)
    places = sorted(place for place, _ in await taken(inlet, 2))
    assert places == ["b\\xff.ndjson:1", "good.ndjson:1"]


async def test_a_line_too_long_is_set_aside_with_its_beginning(folder: Path) -> None:
    file = folder / "a.ndjson"
    huge = b'["' + b"x" * 5_000_000
    file.write_bytes(b"[1]\n" + huge)
    inlet = reader(folder)
    assert await taken(inlet, 1) == [("a.ndjson:1", b"[1]")]
    assert now(inlet) == Batch(items=())
    with file.open("ab") as stream:
        stream.write(b"\n[3]\n" + b'"' + b"y" * 20_000 + b'"\n[5]\n')
    batch = now(inlet)
    (item,) = batch.items
    assert item.place == "a.ndjson:2"
    assert item.fault == "the line is longer than 10000 bytes"
    assert item.raw == huge[: 64 * 1024]
    await inlet.commit(batch)
    batch = now(inlet)
    assert [item.line for item in batch.items] == [b"[3]", b"", b"[5]"]
    assert batch.items[1].place == "a.ndjson:4"
    assert batch.items[1].fault


async def test_what_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    inlet = reader(tmp_path / "later")
    assert now(inlet) == Batch(items=())
    assert inlet.notes() == (f"{tmp_path / 'later'} is not there",)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.ndjson").write_bytes(b"[1]\n")
    assert len(await taken(inlet, 1)) == 1
    gone = reader(tmp_path / "no" / "such" / "folder")
    with pytest.raises(InletUnavailable, match="No such file"):
        await gone.take()


async def test_hard_links_are_one_file(folder: Path) -> None:
    (folder / "a.ndjson").write_bytes(b"[1]\n")
    os.link(folder / "a.ndjson", folder / "b.ndjson")
    inlet = reader(folder)
    assert len(await taken(inlet, 1)) == 1
    assert now(inlet) == Batch(items=())


@given(
    lines=st.lists(st.integers(0, 60), max_size=20),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    crashes=st.sets(st.integers(0, 30)),
)
def test_however_it_grows_and_however_often_we_die(
    lines: list[int], cuts: list[int], crashes: set[int]
) -> None:
    """All lines come, in order; what comes again was never committed."""
    expected = [b'[%d,"%s"]' % (n, b"x" * size) for n, size in enumerate(lines)]
    text = b"".join(line + b"\n" for line in expected)
    edges = sorted({*(min(cut, len(text)) for cut in cuts), len(text)})
    with TemporaryDirectory() as name:
        file = Path(name) / "a.ndjson"
        file.touch()
        found = asyncio.run(_grow(file, text, edges, crashes))
    assert found == expected


async def _grow(
    file: Path, text: bytes, edges: list[int], crashes: set[int]
) -> list[bytes]:
    inlet, committed = reader(file), dict[str, InletPosition]()
    found: list[bytes] = []
    begin = step = 0
    for end in edges:
        with file.open("ab") as stream:
            stream.write(text[begin:end])
        begin = end
        while (batch := now(inlet)).positions:
            step += 1
            if step in crashes:
                inlet = reader(file)
                await inlet.begin(tuple(committed.values()))
                continue
            found += [item.line for item in batch.items]
            committed |= {each.key: each for each in batch.positions}
            await inlet.commit(batch)
    return found


async def test_the_contract_notices_a_source_that_forgets(tmp_path: Path) -> None:
    """Negative control: committing before our commit loses documents."""

    class Careless(NdjsonInlet):
        async def take(self) -> Batch:
            batch = await super().take()
            await self.commit(batch)
            Path(tmp_path / "told").write_bytes(batch.positions[0].state)
            return batch

        async def begin(self, positions: Sequence[InletPosition]) -> None:
            told = tmp_path / "told"
            if told.exists():
                key = f"{file.stat().st_dev}:{file.stat().st_ino}"
                positions = [InletPosition(key=key, state=told.read_bytes())]
            await super().begin(positions)

    file = tmp_path / "a.ndjson"
    documents = make_run("run", events=5)
    file.write_bytes(b"".join(map(as_line, documents)))
    store, fuse = new_store(), Fuse(0)
    doomed = new_pump(Careless(file), FusedStore(store, fuse))
    await doomed.begin()
    with pytest.raises(Crash):
        await doomed.step()
    again = Careless(file)
    await new_pump(again, store).begin()
    assert now(again) == Batch(items=())
    assert await stored(store) == []
