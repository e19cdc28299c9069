"""Runs that tiled's own clients ask for: many small ones, and the test documents."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.documents.samples import FOLDER, GOOD
from tests.faces.search.conftest import documents
from tests.tiled.serving import KEY, Mounted, own_tree, quire_tree, tiled_mounting
from tiled.client import from_uri  # type: ignore[import-untyped]

from quire.client.catalog import connect
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, document, make_uid

ASSETS = FOLDER / "assets"


@contextmanager
def _serving(folder: Path, *bodies: bytes) -> Iterator[ServerProcess]:
    server = ServerProcess(folder / "data")
    server.folder.mkdir(parents=True)
    (server.folder / "quire.toml").write_text(
        f"asset_roots = {json.dumps([str(ASSETS)])}\n"
        "[asset_root_map]\n"
        f'"/example/assets" = {json.dumps(str(ASSETS))}\n'
    )
    server.start()
    try:
        with server.http() as http:
            for body in bodies:
                headers = {"content-type": "application/x-ndjson"}
                answer = http.post("/api/v1/documents", content=body, headers=headers)
                assert not answer.json()["refused"]
        yield server
    finally:
        server.stop()


@contextmanager
def _mounted(folder: Path, server: ServerProcess, *more: str) -> Iterator[Mounted]:
    """Serve runs by tiled; at its root, or beside a catalog of its own."""
    trees = [quire_tree(more[0] if more else "/", server)]
    trees += [own_tree(path, folder / "own") for path in more[1:]]
    address = server.address
    with tiled_mounting(folder / "tiled", trees) as url:
        root = from_uri(url, api_key=KEY)
        yield Mounted(
            url=url,
            server=server,
            own=connect(address.url, address.token),
            catalog=root[more[0]] if more else root,
            beside=root[more[1]] if more else None,
        )
        root.context.close()


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    body = "\n".join(json.dumps(pair) for pair in documents()).encode()
    folder = tmp_path_factory.mktemp("many")
    with _serving(folder, body) as server, _mounted(folder, server) as mounted:
        yield mounted


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    bodies = [path.read_bytes() for path in GOOD]
    # JSON may have this separator as it is, and some libraries end a line at it.
    raw = as_ndjson(odd()).replace(b"\\u2028", "\u2028".encode())
    folder = tmp_path_factory.mktemp("shown")
    with (
        _serving(folder, *bodies, raw) as server,
        _mounted(folder, server, "quire", "own") as mounted,
    ):
        yield mounted


ODD = make_uid("odd", "start")


def odd() -> Iterator[Any]:
    """Yield a run whose values are hard to show, not ended yet."""
    keys: dict[str, dict[str, Any]] = {
        "wave": {"dtype": "array", "shape": [3], "dims": ["x"], "units": "V"},
        "ragged": {"dtype": "array", "shape": [None]},
        "mixed": {"dtype": "string", "shape": []},
        "gaps": {"dtype": "integer", "shape": []},
        "big": {"dtype": "integer", "shape": []},
        "on": {"dtype": "boolean", "shape": []},
        "shutter": {"dtype": "boolean", "shape": []},
        "_hidden": {"dtype": "number", "shape": []},
        "ts_on": {"dtype": "number", "shape": []},
        "time": {"dtype": "number", "shape": []},
        "words": {"dtype": "array", "shape": [2]},
        "state": {"dtype": "string", "shape": []},
        "lost": {"dtype": "array", "shape": [2, 2], "external": "FILESTORE:"},
        "short": {"dtype": "array", "shape": [10], "external": "STREAM:"},
    }
    configuration = {"dev": {"data": {"gain": 2}, "timestamps": {"gain": 1.0}}}
    yield document("start", {"uid": ODD, "time": 1.7e9, "scan_id": 4001})
    for number in (1, 2):
        configuration["dev"]["data"] = {"gain": 2 * number}
        yield document(
            "descriptor",
            {
                "uid": make_uid("odd", "descriptor", number),
                "run_start": ODD,
                "name": "primary",
                "time": 1.7e9 + number,
                "configuration": json.loads(json.dumps(configuration)),
                "data_keys": {
                    key: {"source": "test", **told} for key, told in keys.items()
                },
            },
        )
    resource = {
        "uid": make_uid("odd", "resource"),
        "run_start": ODD,
        "spec": "AD_HDF5",
        "root": "/nowhere",
        "resource_path": "a.h5",
        "resource_kwargs": {},
        "path_semantics": "posix",
    }
    yield document("resource", resource)
    yield document(
        "stream_resource",
        {
            "uid": make_uid("odd", "stream resource"),
            "run_start": ODD,
            "data_key": "short",
            "mimetype": "application/x-npy",
            "uri": "file://localhost/example/assets/1a3fad_0.npy",  # of ten rows
            "parameters": {},
        },
    )
    yield document(
        "stream_datum",
        {
            "uid": make_uid("odd", "stream datum"),
            "stream_resource": make_uid("odd", "stream resource"),
            "descriptor": make_uid("odd", "descriptor", 1),
            "seq_nums": {"start": 1, "stop": 4},
            "indices": {"start": 8, "stop": 11},
        },
    )
    told = {"point_number": 4, "text": "\u2028"}
    more = {"resource": resource["uid"], "datum_id": f"{resource['uid']}/4"}
    yield document("datum", {**more, "datum_kwargs": told})
    for number in (1, 2, 3):
        datum = f"{resource['uid']}/{number}"
        told = {"point_number": number}
        yield document(
            "datum",
            {"resource": resource["uid"], "datum_id": datum, "datum_kwargs": told},
        )
        data = {
            "wave": [0.5 * number, 1.0, 2.0],
            "ragged": list(range(number)),
            "mixed": "text" if number == 2 else {"a": number},
            "gaps": number,
            "big": 2**70 + number,
            "on": number == 1,
            "shutter": None if number == 2 else number == 1,
            "_hidden": 0.25 * number,
            "ts_on": 7.0 * number,
            "time": 9.0 * number,
            "words": [f"a{number}", "bcd"],
            "state": f"state {number}",
            "lost": datum,
        }
        if number == 2:
            del data["gaps"], data["state"]
        event = {
            "uid": make_uid("odd", "event", number),
            "descriptor": make_uid("odd", "descriptor", min(number, 2)),
            "seq_num": number,
            "time": 1.7e9 + number,
            "data": data,
            "timestamps": dict.fromkeys(data, 1.7e9 + number / 2),
            "filled": {"lost": False},
        }
        yield document("event", event)
