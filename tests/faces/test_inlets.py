"""A server with an inlet, from its settings to its stored documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from quire.testing.campaigns.documents import stored_uids
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, make_run
from quire.testing.waiting import until

SETTINGS = """
[inlets.files]
from = "ndjson"
path = "in"
interval = 0.01
"""


@pytest.fixture
def taking(tmp_path: Path) -> Iterator[ServerProcess]:
    folder = tmp_path / "data"
    (folder / "in").mkdir(parents=True)
    (folder / "quire.toml").write_text(SETTINGS)
    server = ServerProcess(folder)
    server.start()
    yield server
    server.kill()


def state(http: httpx.Client) -> dict[str, Any]:
    (found,) = http.get("/api/v1/inlets").raise_for_status().json()["inlets"]
    return dict(found)


@pytest.mark.crash
def test_a_folder_is_taken_in_and_resumed_after_a_kill(taking: ServerProcess) -> None:
    documents = make_run("run", events=20)
    run = documents[0].body["uid"]
    file = taking.folder / "in" / "one.ndjson"
    with taking.http() as http:
        assert state(http)["name"] == "files"
        file.write_bytes(as_ndjson(documents[:10]) + b"rubbish \xff\n")
        until(lambda: state(http)["set_aside"] == 1)
    taking.kill()
    with file.open("ab") as more:
        more.write(as_ndjson(documents[10:]))
    taking.start()
    with taking.http() as http:
        until(lambda: len(stored_uids(http, run)) == len(documents))
        assert stored_uids(http, run).total() == len(documents)
        found = state(http)
        assert (found["repeated"], found["trouble"]) == (0, None)
        assert found["set_aside"] == 1
        (aside,) = http.get("/api/v1/inlets/files/aside").json()["items"]
        assert aside["place"] == "one.ndjson:11"
        assert "raw_base64" in aside
        missing = http.get("/api/v1/inlets/none/aside")
        assert missing.status_code == 404


def test_what_is_wrong_with_an_inlet_is_named_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "quire.toml").write_text('[inlets.x]\nfrom = "zmq"\naddress = ""\n')
    with pytest.raises(RuntimeError, match=r"inlets\.x\.address"):
        ServerProcess(folder).start()


def test_inlets_are_for_administrators(http: httpx.Client) -> None:
    made = http.post("/api/v1/tokens", json={"user": "guest", "scopes": ["runs:read"]})
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    assert http.get("/api/v1/inlets", headers=headers).status_code == 403
    http.delete(f"/api/v1/tokens/{made.json()['id']}").raise_for_status()
