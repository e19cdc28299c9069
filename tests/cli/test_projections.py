"""`quire projections`, on a file and on a real server's run."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documents.samples import FOLDER
from tests.kinds.test_project import calculated, linked, run_of
from typer.testing import CliRunner, Result

from quire.cli.main import app
from quire.testing.campaigns.server import ServerProcess


@pytest.fixture
def real(home: Path) -> Iterator[ServerProcess]:
    folder = home / "data"
    os.environ["QUIRE_DIR"] = str(folder)
    server = ServerProcess(folder)
    server.start()
    yield server
    server.stop()


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["projections", *words])


def test_a_file_says_what_would_be_made() -> None:
    done = call("check", str(FOLDER / "projections.jsonl"), "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["issues"], len(told["entries"])) == (0, 7)
    done = call("check", str(FOLDER / "scan.jsonl"), "--projection", "NXscan")
    assert done.exit_code == 0, done.stderr
    assert "/entry/instrument/detector/data" in done.stdout


@pytest.mark.parametrize(
    ("name", "key"),
    [("external_stream_assets", "cam_image"), ("external_resource_datum", "img")],
)
def test_data_in_files_is_as_it_is_declared(name: str, key: str) -> None:
    done = call(
        *("check", str(FOLDER / f"{name}.jsonl"), "--projection", "generic"),
        *("--format", "csv", "--json"),
    )
    told = {one["key"]: one for one in json.loads(done.stdout)["entries"]}
    assert told[f"/entry/data/{key}"]["code"] == "not_held"
    assert "arrays" in told[f"/entry/data/{key}"]["issue"]


def test_what_cannot_be_made_says_why(tmp_path: Path) -> None:
    entries = {
        "/e/a": linked("a"),
        "/e/x": linked("x"),
        "/e/y": calculated("os:system"),
    }
    entries["/e/base"] = linked("a", "baseline")
    file = tmp_path / "run.jsonl"
    file.write_bytes(run_of("check", entries))
    done = call("check", str(file), "--format", "parquet")
    assert done.exit_code == 1
    for word in ("missing_field", "unknown_callable", "not_held", "4 entries, 3 with"):
        assert word in done.stdout
    assert call("check", str(file), "--format", "papyrus").exit_code == 2
    file.write_text("{}\n")
    assert "line 1" in call("check", str(file)).stderr


def test_a_run_on_the_server(real: ServerProcess, tmp_path: Path) -> None:
    body = run_of("served", {"/e/a": linked("a"), "/e/s": calculated("stats:mean")})
    with real.http() as http:
        kind = {"content-type": "application/x-ndjson"}
        http.post("/api/v1/documents", content=body, headers=kind).raise_for_status()
    del tmp_path
    done = call("check", "-1")
    assert done.exit_code == 0, done.stderr
    assert "2 entries, 0 with an issue" in done.stdout


def test_the_functions_are_there_to_see() -> None:
    told = json.loads(call("functions", "--json").stdout)
    names = {one["name"]: one for one in told["functions"]}
    assert names["numpy:divide"]["parameters"] == ["a", "b"]
    assert names["stats:mean"]["version"] == "1"
