"""Backups of real servers at work, and going back to them."""

import json
import shutil
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from quire.storage.backups import record
from quire.storage.backups.backup import verify
from quire.storage.backups.files import wanted
from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.server import PostgresServer
from quire.testing.waiting import until

PRLIMIT = shutil.which("prlimit") or "prlimit"
NDJSON = {"content-type": "application/x-ndjson"}


def serving(folder: Path) -> ServerProcess:
    """Return a server that keeps its records where its folder says, or in it."""
    return ServerProcess(folder, environment={"QUIRE_DATABASE": ""})


def quire(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "quire", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr + done.stdout
    return done


class Load:
    """Sends runs, one a request, until it is told to end."""

    def __init__(self, server: ServerProcess) -> None:
        self.acknowledged: list[str] = []
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: len(self.acknowledged) > 50)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _send(self) -> None:
        with self._server.http() as http:
            while not self._ended.is_set():
                uid = str(uuid.uuid4())
                start = {"uid": uid, "time": 1.7e9, "plan_name": "backed up"}
                post(http, [["start", start]])
                self.acknowledged.append(uid)


def post(http: httpx.Client, documents: list[Any]) -> None:
    body = "".join(json.dumps(one) + "\n" for one in documents)
    http.post("/api/v1/documents", content=body, headers=NDJSON).raise_for_status()


def projected(http: httpx.Client) -> dict[str, Any]:
    """Return the product of a new run."""
    uid = str(uuid.uuid4())
    stop = {"uid": str(uuid.uuid4()), "run_start": uid, "time": 1.7e9}
    post(
        http,
        [
            ["start", {"uid": uid, "time": 1.7e9, "sample": "kept well"}],
            ["stop", {**stop, "exit_status": "success"}],
        ],
    )
    given = {"RUN": uid, "PROJECTION": "generic", "FORMAT": "nexus"}
    wanted = {"kind": "project", "parameters": given, "run": True}
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    until(lambda: http.get(f"/api/v1/jobs/{job}").json()["phase"] == "COMPLETED")
    found: dict[str, Any] = http.get(f"/api/v1/products/{job}").json()
    return found


def test_a_server_at_work_is_backed_up_and_brought_back(tmp_path: Path) -> None:
    server = serving(tmp_path / "data")
    server.start()
    try:
        with server.http() as http:
            product = projected(http)
        with Load(server) as load:
            before = list(load.acknowledged)
            told = json.loads(
                quire("backup", tmp_path / "saved", server.folder, "--json").stdout
            )
    finally:
        server.stop()
    assert told["missing"] == []
    assert len(load.acknowledged) > len(before)
    backup, wrong = verify(tmp_path / "saved")
    assert wrong == ()
    assert product["file"] in {one.path for one in backup.files}

    quire("restore", tmp_path / "saved", tmp_path / "again")
    other = serving(tmp_path / "again")
    other.start()
    try:
        with other.http() as http:
            for uid in before:
                assert http.get(f"/api/v1/runs/{uid}").status_code == 200
            query = {"q": "plan_name = 'backed up'", "limit": "1000"}
            found = http.get("/api/v1/runs", params=query).json()["runs"]
            assert {one["uid"] for one in found} >= set(before[:1000])
            words = http.get("/api/v1/runs", params={"q": '"kept well"'}).json()["runs"]
            assert [one["uid"] for one in words] == product["runs"]
            assert http.get(product["links"]["file"]).status_code == 200
            post(http, [["start", {"uid": str(uuid.uuid4()), "time": 1.8e9}]])
    finally:
        other.stop()


def test_a_server_on_postgresql_is_backed_up_and_brought_back(
    postgres_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    server = serving(tmp_path / "data")
    server.folder.mkdir()
    (server.folder / "quire.toml").write_text(f'[database]\nurl = "{postgres_url}"\n')
    server.start()
    try:
        with server.http() as http:
            product = projected(http)
        with Load(server) as load:
            before = list(load.acknowledged)
            quire("backup", tmp_path / "saved", server.folder)
    finally:
        server.stop()
    name = f"restored_{uuid.uuid4().hex}"
    with postgres_server.database(name) as url:
        restoring = ("restore", tmp_path / "saved", tmp_path / "again")
        assert "of postgres" in quire(*restoring, code=2).stderr
        done = quire(*restoring, "--database", url)
        # Settings that came back with the folder may name the database of old.
        assert f"{tmp_path / 'again'} --database {url} serves it" in done.stdout
        again = (*restoring[:2], tmp_path / "third", "--database", url)
        assert "tables" in quire(*again, code=2).stderr
        other = ServerProcess(tmp_path / "again", environment={"QUIRE_DATABASE": url})
        other.start()
        try:
            with other.http() as http:
                for uid in before:
                    assert http.get(f"/api/v1/runs/{uid}").status_code == 200
                assert http.get(product["links"]["file"]).status_code == 200
        finally:
            other.stop()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return a small backup."""
    server = serving(tmp_path / "data")
    server.start()
    with server.http() as http:
        projected(http)
    server.stop()
    quire("backup", tmp_path / "saved", server.folder)
    return tmp_path / "saved"


def test_a_damaged_backup_is_refused_by_name(saved: Path, tmp_path: Path) -> None:
    product = next((saved / "files" / "products").glob("*.nxs"))
    whole = product.read_bytes()
    product.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    said = quire("restore", saved, tmp_path / "again", code=2).stderr
    assert product.name in said
    assert not (tmp_path / "again").exists()
    assert product.name in quire("restore", "--check", saved, "x", code=1).stderr
    product.unlink()
    assert product.name in quire("restore", saved, tmp_path / "again", code=2).stderr


def test_a_backup_that_was_cut_short_is_none(saved: Path, tmp_path: Path) -> None:
    (saved / record.NAME).unlink()
    said = quire("restore", saved, tmp_path / "again", code=2).stderr
    assert "cut short" in said


def test_a_missing_product_is_said_loudly(tmp_path: Path) -> None:
    server = serving(tmp_path / "data")
    server.start()
    with server.http() as http:
        product = projected(http)
    server.stop()
    (server.folder / product["file"]).unlink()
    done = quire("backup", tmp_path / "saved", server.folder, code=1)
    assert f"MISSING: {product['file']}" in done.stderr


def test_no_room_is_told_by_the_file_and_leaves_nothing(
    saved: Path, tmp_path: Path
) -> None:
    size = (saved / "quire.sqlite").stat().st_size // 2
    small = [PRLIMIT, f"--fsize={size}", sys.executable, "-m", "quire"]
    again = ["restore", str(saved), str(tmp_path / "again")]
    done = subprocess.run([*small, *again], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"quire: {tmp_path}")
    assert "quire.sqlite: File too large" in done.stderr
    assert not [*tmp_path.glob("*again*")]


def test_what_is_ours_alone_is_left_out(tmp_path: Path) -> None:
    ours = ["quire.sqlite", "quire.sqlite-wal", "quire.lock", "server-one.json", ".x"]
    theirs = ["quire.toml", "server_functions.py", "quire.sqlite.md", "token"]
    for name in [*ours, *theirs]:
        (tmp_path / name).touch()
    for name in ("log", "servers", "streams"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    found = {str(one) for one in wanted(tmp_path)}
    assert found == {*theirs, "servers/file"}


def test_nothing_is_written_over(saved: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "not empty" in quire("backup", saved, data, code=2).stderr
    assert "not empty" in quire("restore", saved, data, code=2).stderr
    inside = data / "backup"
    assert "in the data folder" in quire("backup", inside, data, code=2).stderr
    nowhere = tmp_path / "nowhere"
    assert "no data folder" in quire("backup", tmp_path / "b", nowhere, code=2).stderr
