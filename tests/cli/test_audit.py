"""`quire audit` on real stores: silent while all is well, loud for each thing spoilt."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from tests.cli.kept import RUN, RUNS, call, fill, send_orphan, serve, told

from quire.ports.document_records import Arrival
from quire.products.product import Product
from quire.runs.run import Run
from quire.storage import blocks
from quire.storage.codec import Codec
from quire.storage.sqlite.connection import open_writer
from quire.storage.sqlite.store import FILE_NAME
from quire.storage.sqlite.uids import to_column
from quire.testing.postgres.server import PostgresServer

CHECKS = ["database", "documents", "waiting documents", "runs", "products", "jobs"]
RUN_CODEC, PRODUCT_CODEC = Codec(Run), Codec(Product)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a server that has ended, with an orphan in it."""
    folder = tmp_path_factory.mktemp("audit") / "data"
    server = serve(folder)
    try:
        with server.http() as http:
            fill(http)
            send_orphan(http)
        # A server may go on meanwhile.
        assert only(looked(folder, code=0)) == []
    finally:
        server.stop()
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a copy, to be spoilt."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


@pytest.fixture
def database(folder: Path) -> Iterator[apsw.Connection]:
    connection = open_writer(folder / FILE_NAME)
    yield connection
    connection.close()


def looked(
    folder: Path, *words: str, code: int = 1, allowed: bool = True
) -> dict[str, dict[str, Any]]:
    """Return the checks by name."""
    options = [*words, "--allow-waiting"] if allowed else words
    answer = told("audit", folder, *options, code=code)
    assert answer["good"] is (code == 0)
    checks = {one["name"]: one for one in answer["checks"]}
    assert list(checks) == CHECKS
    return checks


def only(checks: dict[str, dict[str, Any]], *bad: str) -> list[str]:
    """Return the problems of the checks that alone are bad."""
    assert [name for name, one in checks.items() if not one["good"]] == list(bad)
    return [words for name in bad for words in checks[name]["problems"]]


def product_of(folder: Path, database: apsw.Connection) -> tuple[Product, Path]:
    ((record,),) = database.execute("SELECT record FROM product")
    product = PRODUCT_CODEC.decode(record)
    return product, folder / product.file


def change_run(database: apsw.Connection, change: Callable[[Run], Run]) -> None:
    uid = to_column(RUN)
    ((record,),) = database.execute("SELECT record FROM run WHERE uid = ?", (uid,))
    changed = RUN_CODEC.encode(change(RUN_CODEC.decode(record)))
    database.execute("UPDATE run SET record = ? WHERE uid = ?", (changed, uid))


def blocks_of(database: apsw.Connection) -> list[tuple[int, bytes]]:
    query = "SELECT id, body FROM block WHERE run = ? ORDER BY id"
    return list(database.execute(query, (to_column(RUN),)))


def orphan_of(database: apsw.Connection) -> tuple[int, bytes, bytes]:
    """Return the block of the document that waits: too small to be squeezed."""
    query = "SELECT id, directory, body FROM block WHERE run IS NULL"
    ((block, directory, body),) = database.execute(query)
    assert isinstance(block, int)
    return block, bytes(directory), bytes(body)


def test_a_whole_store_is_whole(folder: Path) -> None:
    for words in ((), ("--hashes",)):
        checks = looked(folder, *words, code=0)
        assert only(checks) == []
        assert checks["documents"]["looked_at"] > RUNS * 4
        assert checks["runs"]["looked_at"] == RUNS
        assert checks["products"]["looked_at"] == checks["jobs"]["looked_at"] == 1
    assert "ok  runs: 4" in call("audit", folder, "--allow-waiting").stdout


def test_an_orphan_is_listed(folder: Path) -> None:
    (words,) = only(looked(folder, allowed=False), "waiting documents")
    assert words.endswith("waits for never comes, which has not come")
    said = call("audit", folder, code=1)
    assert f"quire: {words}" in said.output
    assert "NO  waiting documents: 1, 1 wrong" in said.stdout
    # Still listed where it is allowed.
    assert looked(folder, code=0)["waiting documents"]["problems"] == [words]


@pytest.mark.parametrize("place", [40, -40])
def test_a_changed_byte_of_a_squeezed_block_is_found(
    folder: Path, database: apsw.Connection, place: int
) -> None:
    block, body = blocks_of(database)[0]
    assert body[:4] == b"\x28\xb5\x2f\xfd"  # zstd (RFC 8878, 3.1.1)
    spoilt = bytearray(body)
    spoilt[place] ^= 1
    database.execute("UPDATE block SET body = ? WHERE id = ?", (bytes(spoilt), block))
    words = only(looked(folder), "documents", "runs")
    assert f"the block {block} of run {RUN} cannot be read" in words[0]
    assert words[1].startswith(f"run {RUN}: its documents cannot be read")


def test_a_changed_byte_of_a_small_block_is_found(
    folder: Path, database: apsw.Connection
) -> None:
    block, _, body = orphan_of(database)
    spoilt = body.replace(b"never comes", b"Never comes")
    assert len(spoilt) == len(body)
    assert spoilt != body
    database.execute("UPDATE block SET body = ? WHERE id = ?", (spoilt, block))
    (words,) = only(looked(folder), "documents")
    assert words.startswith(f"the block {block} that came before its run cannot be")
    assert words.endswith("its checksum is wrong")


def test_blocks_from_before_checksums_are_counted(
    folder: Path, database: apsw.Connection
) -> None:
    assert looked(folder, code=0)["documents"]["note"] == ""
    block, directory, _ = orphan_of(database)
    (slot,) = blocks.directory(directory)
    former = msgspec.msgpack.encode([replace(slot, checksum=b"")])
    change = "UPDATE block SET directory = ? WHERE id = ?"
    database.execute(change, (former, block))
    told = looked(folder, code=0)["documents"]
    assert told["note"] == "1 blocks are from before checksums"


def test_a_document_under_another_uid_is_found(
    folder: Path, database: apsw.Connection
) -> None:
    block, directory, body = orphan_of(database)
    cut = body.index(b'"uid": "') + len(b'"uid": "')
    spoilt = body[:cut] + (b"0" if body[cut] != ord("0") else b"1") + body[cut + 1 :]
    (slot,) = blocks.directory(directory)
    arrival = Arrival(name=slot.name, raw=spoilt, keys=slot.keys)
    change = "UPDATE block SET directory = ?, body = ? WHERE id = ?"
    database.execute(change, (*blocks.pack([arrival], bytes), block))
    (words,) = only(looked(folder), "documents")
    assert words.endswith("is not known by the uids of its rows")


def test_a_damaged_directory_is_found(folder: Path, database: apsw.Connection) -> None:
    block, _ = blocks_of(database)[0]
    database.execute("UPDATE block SET directory = x'c1' WHERE id = ?", (block,))
    words = only(looked(folder), "documents", "runs")
    assert words[0].startswith(f"the block {block} of run {RUN} cannot be read")
    assert words[1].startswith(f"run {RUN}: its documents cannot be read")


def test_a_lost_orphan_is_found(folder: Path, database: apsw.Connection) -> None:
    database.execute("DELETE FROM block WHERE run IS NULL")
    (words,) = only(looked(folder, allowed=False), "waiting documents")
    assert words.startswith("MISSING: document ")


def test_an_orphan_that_was_overlooked_is_told(
    folder: Path, database: apsw.Connection
) -> None:
    change = "INSERT INTO anchor (uid, run) VALUES ('never comes', ?)"
    database.execute(change, (to_column(RUN),))
    (words,) = only(looked(folder, allowed=False), "waiting documents")
    assert words.endswith(f"waits for never comes, though run {RUN} has it")


def test_a_lost_block_is_found(folder: Path, database: apsw.Connection) -> None:
    block, _ = blocks_of(database)[0]
    database.execute("DELETE FROM block WHERE id = ?", (block,))
    (words,) = only(looked(folder), "runs")
    assert words == f"run {RUN}: it has no documents any more"


def test_an_altered_counter_is_found(folder: Path, database: apsw.Connection) -> None:
    change_run(database, lambda run: replace(run, documents=run.documents + 1))
    (words,) = only(looked(folder), "runs")
    assert words == (
        f"run {RUN}: documents is 6, by its documents 5; quire rebuild mends it"
    )


def test_a_lost_record_is_found(folder: Path, database: apsw.Connection) -> None:
    database.execute("DELETE FROM run WHERE uid = ?", (to_column(RUN),))
    (words,) = only(looked(folder), "runs")
    assert words.startswith(f"run {RUN}: has documents but no record")


def test_a_damaged_record_is_found(folder: Path, database: apsw.Connection) -> None:
    change = "UPDATE run SET record = x'81' WHERE uid = ?"
    database.execute(change, (to_column(RUN),))
    (words,) = only(looked(folder), "runs")
    assert words.startswith(f"run {RUN}: its record cannot be read")
    done = told("rebuild", folder, "--dry-run", code=1)
    assert [one["uid"] for one in done["unfit"]] == [RUN]


def test_a_lost_product_is_found(folder: Path, database: apsw.Connection) -> None:
    product, file = product_of(folder, database)
    file.unlink()
    (words,) = only(looked(folder), "products")
    assert words == f"product {product.id}: MISSING: {product.file}"
    (folder / product.manifest).unlink()
    assert len(only(looked(folder), "products")) == 2


def test_a_product_that_was_cut_is_found(
    folder: Path, database: apsw.Connection
) -> None:
    product, file = product_of(folder, database)
    file.write_bytes(file.read_bytes()[:-1])
    (words,) = only(looked(folder), "products")
    assert f"{product.size - 1} bytes, published were {product.size}" in words


def test_a_changed_byte_of_a_product_is_found_by_its_hashes(
    folder: Path, database: apsw.Connection
) -> None:
    _, file = product_of(folder, database)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert only(looked(folder, code=0)) == []
    words = only(looked(folder, "--hashes"), "products")
    assert "is not what was published" in words[0]


def test_a_lost_result_of_a_job_is_found(folder: Path) -> None:
    file = next((folder / "jobs").glob("*/*/provenance.json"))
    size = file.stat().st_size
    file.write_bytes(b" " * size)
    assert only(looked(folder, code=0)) == []
    assert "SHA-256 differs" in only(looked(folder, "--hashes"), "jobs")[0]
    file.write_bytes(b"")
    assert f"has 0 bytes, made were {size}" in only(looked(folder), "jobs")[0]
    file.unlink()
    (words,) = only(looked(folder), "jobs")
    assert words.endswith(f"MISSING: {file.relative_to(folder)}")


def test_lost_and_damaged_records_are_found(
    folder: Path, database: apsw.Connection
) -> None:
    product, _ = product_of(folder, database)
    database.execute("DELETE FROM product")
    (words,) = only(looked(folder), "jobs")
    assert words.endswith(f"MISSING: the record of its product {product.id}")
    database.execute("UPDATE job SET record = x'81'")
    (words,) = only(looked(folder), "jobs")
    assert "cannot be read" in words


def test_a_damaged_database_is_found(folder: Path, database: apsw.Connection) -> None:
    query = "SELECT rootpage FROM sqlite_schema WHERE name = 'job_owner'"
    ((page,),) = database.execute(query)
    size = database.pragma("page_size")
    database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    database.close()
    # A leaf of an index without cells (sqlite.org/fileformat2.html, 1.6).
    empty = b"\x0a\0\0\0\0" + size.to_bytes(2, "big") + b"\0"
    with (folder / FILE_NAME).open("r+b") as file:
        file.seek((int(str(page)) - 1) * size)
        file.write(empty.ljust(size, b"\0"))
    words = only(looked(folder), "database")
    assert any("job_owner" in one for one in words)


def test_a_database_that_is_none_is_told(folder: Path) -> None:
    for file in folder.glob(f"{FILE_NAME}*"):
        file.unlink()
    (folder / FILE_NAME).write_bytes(b"no database at all" * 100)
    answer = told("audit", folder, code=1)
    assert not answer["checks"][0]["good"]


def test_a_store_of_another_version_is_told(
    folder: Path, database: apsw.Connection
) -> None:
    database.execute("ALTER TABLE run RENAME TO run_of_old")
    words = only(looked(folder), "runs")
    assert "is of another version" in words[0]
    assert "serve it once" in words[0]


def test_an_empty_database_is_told(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    with postgres_server.database("never_served") as url:
        for command in ("audit", "rebuild"):
            found = call(command, tmp_path, "--database", url, code=2)
            assert "holds no store (mend the name" in found.output


def test_no_store_is_told(tmp_path: Path) -> None:
    assert "holds no store" in call("audit", tmp_path, code=2).output
    assert list(tmp_path.iterdir()) == []
    url = "postgresql://me:secret@127.0.0.1/none"
    said = call("audit", tmp_path, "--database", url, code=2).output
    assert "password" in said
    assert "secret" not in said


# A function that an index trusts, and that then changes its mind.
TRUSTED = "CREATE FUNCTION trusted(bigint) RETURNS bigint IMMUTABLE AS 'SELECT {}' {}"


def test_a_postgres_store_is_looked_at_alike(tmp_path: Path, postgres_url: str) -> None:
    folder, words = tmp_path / "data", ("--database", postgres_url)
    server = serve(folder, postgres_url)
    try:
        with server.http() as http:
            product = fill(http)
            send_orphan(http)
            assert only(looked(folder, *words, "--hashes", code=0)) == []
    finally:
        server.stop()
    checks = looked(folder, *words, code=1, allowed=False)
    assert "never comes" in only(checks, "waiting documents")[0]
    assert "CREATE EXTENSION" in checks["database"]["note"]

    (folder / product["file"]).unlink()
    with psycopg.connect(postgres_url, autocommit=True) as database:
        database.execute("CREATE EXTENSION amcheck")
        assert only(looked(folder, *words), "products")[0].endswith(product["file"])
        database.execute(TRUSTED.format("$1", "LANGUAGE sql").encode())
        database.execute("CREATE INDEX mistrusted ON block (trusted(id))")
        database.execute(
            TRUSTED.replace("CREATE", "CREATE OR REPLACE")
            .format("$1 + 1", "LANGUAGE sql")
            .encode()
        )
        found = only(looked(folder, *words), "database", "products")
        assert found[0].startswith("mistrusted: ")
        database.execute("DROP INDEX mistrusted")

        query = "SELECT record FROM run WHERE uid = %s"
        ((record,),) = database.execute(query, [RUN.encode()]).fetchall()
        run = replace(RUN_CODEC.decode(record), documents=6)
        query = "UPDATE run SET record = %s WHERE uid = %s"
        database.execute(query, [RUN_CODEC.encode(run), RUN.encode()])
        found = only(looked(folder, *words), "runs", "products")
        assert "documents is 6, by its documents 5" in found[0]

        query = (
            "UPDATE block SET body = set_byte(body, 40, get_byte(body, 40) # 1)"
            " WHERE run = %s"
        )
        database.execute(query, [RUN.encode()])
        found = only(looked(folder, *words), "documents", "runs", "products")
        assert "cannot be read" in found[0]
