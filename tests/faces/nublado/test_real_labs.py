"""A real JupyterLab, and what becomes of it when its server is killed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import httpx
import pytest
from tests.faces.nublado.kernel import Lab
from tests.faces.nublado.spawner import Spawner

from quire.backends.local import MARKER, LocalLabs
from quire.backends.places import Places
from quire.backends.processes import descendants, marked, started
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import make_run
from quire.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.crash
ENV = {"JUPYTERHUB_SERVICE_PREFIX": "/nb/user/me/"}
OPTIONS = {"image_class": ["recommended"], "size": ["small"]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data")
    process.start()
    yield process
    process.kill()
    for pid in marked(MARKER, marker(process)):
        os.kill(pid, 9)


def marker(process: ServerProcess) -> str:
    class Nothing:
        program = None

    return LocalLabs(process.folder / "labs", Nothing())._marked("")[:-1]  # type: ignore[arg-type]


def name_of(http: httpx.Client) -> str:
    tokens = http.get("/api/v1/tokens").json()["tokens"]
    return str(tokens[0]["name"])


def spawner_of(process: ServerProcess) -> Spawner:
    with process.http() as http:
        name = name_of(http)
        kinds = ({"user": name, "scopes": ["labs:run"]}, {"scopes": ["labs:admin"]})
        tokens = [
            http.post("/api/v1/tokens", json=one).json()["token"] for one in kinds
        ]
        return Spawner(str(http.base_url).rstrip("/"), name, *tokens)


def ingest(http: httpx.Client) -> str:
    documents = make_run(events=5)
    body = "\n".join(json.dumps([one.name, one.body]) for one in documents)
    http.post(
        "/api/v1/documents",
        content=body,
        headers={"content-type": "application/x-ndjson"},
    ).raise_for_status()
    return str(documents[0].body["uid"])


def opened_by_a_form(http: httpx.Client, action: str) -> str:
    """Press a button of a page, as its user, and return where that leads."""
    base = str(http.base_url).rstrip("/")
    with httpx.Client(base_url=base, timeout=PATIENCE) as browser:
        browser.get(http.post("/api/v1/login-links").json()["url"])
        foreign = browser.post(action, headers={"origin": "http://evil.example"})
        assert foreign.status_code == 403
        led = browser.post(action, headers={"origin": base})
        assert led.status_code == 303, led.text
        return led.headers["location"]


def test_a_notebook_reads_its_run_and_outlives_the_server(
    served: ServerProcess,
) -> None:
    with served.http() as http:
        uid = ingest(http)
        operation = opened_by_a_form(http, f"/runs/{uid}/lab")
        events = http.get(f"/api/v1{operation}/events").text
        assert "event: complete" in events
        shown = http.get("/api/v1/labs/-").json()
        assert operation == f"/operations/{shown['id']}"
        # Once more: the lab is there, and gets its notebook again.
        assert opened_by_a_form(http, f"/runs/{uid}/lab") == operation
        page = http.get(operation)
        assert f'href="{operation}/lab"' in page.text
        led = http.get(f"{operation}/lab")
        assert (led.status_code, led.headers["location"]) == (303, shown["login"])
        assert f"/lab/tree/{shown['opens']}?token=" in shown["login"]
    with Lab(shown["login"]) as lab:
        notebook = lab.http.get(f"api/contents/{shown['opens']}").json()["content"]
        cells = ["".join(cell["source"]) for cell in notebook["cells"][1:]]
        kernel = lab.kernel()
        said = [lab.run(kernel, cell) for cell in cells]
        assert uid in said[0]
        assert "xarray.Dataset" in said[1]
        lab.run(kernel, "kept = 42")
        below = set(marked(MARKER, marker(served)))
        assert len(below) >= 3  # keeper, lab, kernel

        former = served.address.url
        served.kill()
        served.start()

        # The kernel's clients, an old one and a new one, find it at its other port.
        assert served.address.url != former
        assert lab.run(kernel, "print(len(cat))") == "1\n"
        assert uid in lab.run(kernel, cells[0])
        with served.http() as http:
            again = http.get("/api/v1/labs/-").json()
            assert {**again, "login": ""} == {**shown, "login": ""}
            assert again["login"] == shown["login"]
            assert set(marked(MARKER, marker(served))) == below
            assert lab.run(kernel, "print(kept)") == "42\n"
            # The stream of before is told whole, and ends.
            user = f"/nublado/spawner/v1/labs/{shown['user']}"
            assert http.get(f"{user}/events").text == events

            assert http.delete(user).status_code == 204

            assert [pid for pid in below if started(pid) is not None] == []
            assert http.get(user).status_code == 404
            assert http.get("/nublado/spawner/v1/labs").json() == []


def test_a_spawner_starts_a_real_lab_and_a_killed_server_none(
    served: ServerProcess,
) -> None:
    spawner = spawner_of(served)
    # A start under way when the server dies...
    created = spawner._create(OPTIONS, ENV)
    assert created.status_code == 201
    until(lambda: list(marked(MARKER, marker(served))))
    below = set(marked(MARKER, marker(served)))
    served.kill()
    served.start()
    # ... has failed, and left no process.
    assert [pid for pid in below if started(pid) is not None] == []
    spawner = spawner_of(served)
    assert spawner.poll() == 1
    with served.http() as http:
        user = f"/nublado/spawner/v1/labs/{spawner.name}"
        told = http.get(f"{user}/events").text
    assert "the server ended while the lab was being started" in told
    assert told.rstrip().endswith('data: {"message": "Lab spawn failed"}')

    url = spawner.start(OPTIONS, ENV)

    assert spawner.events[-1]["progress"] == 75
    assert httpx.get(f"{url}api", timeout=PATIENCE).json()["version"]
    assert (
        httpx.get(f"{url}api/kernels", timeout=PATIENCE).status_code == 403
    )  # it has a token
    place = next(Places(served.folder / "labs" / "places").all())
    assert list(descendants(place.pid))
    spawner.stop()
    assert list(marked(MARKER, marker(served))) == []
    assert spawner.poll() == 0


def test_a_process_without_a_record_is_ended(served: ServerProcess) -> None:
    served.kill()
    env = {MARKER: f"{marker(served)}11111111-1111-4111-8111-111111111111/"}
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(sleeping, env=env) as stray:
        until(lambda: list(marked(MARKER, marker(served))))
        served.start()
        stray.wait(PATIENCE)


class Hub(BaseHTTPRequestHandler):
    """As much of JupyterHub's API as a single-user server asks at its start."""

    def do_GET(self) -> None:
        body = json.dumps({"version": metadata.version("jupyterhub")}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_hubs_lab_is_its_single_user_server(served: ServerProcess) -> None:
    spawner = spawner_of(served)
    with HTTPServer(("127.0.0.1", 0), Hub) as hub:
        threading.Thread(target=hub.serve_forever).start()
        env = {
            **ENV,
            "JUPYTERHUB_API_TOKEN": "of the hub",
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub.server_port}/hub/api",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-me",
            "JUPYTERHUB_HOST": "",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": "/nb/user/me/oauth_callback",
            "JUPYTERHUB_USER": "me",
        }
        try:
            url = spawner.start(OPTIONS, env)
            page = httpx.get(f"{url}lab", timeout=PATIENCE)
        finally:
            hub.shutdown()
    # It sends people to the hub to log in, and has no token of its own.
    assert page.status_code == 302
    assert page.headers["location"].startswith("/hub/api/oauth2/authorize?")
    with served.http() as http:
        assert http.get("/api/v1/labs/-").json()["login"] == url
    spawner.stop()
    assert list(marked(MARKER, marker(served))) == []


def test_who_has_no_account_here_is_told_so(http: httpx.Client) -> None:
    wanted = {"user": "somebody-else", "scopes": ["labs:run"]}
    token = http.post("/api/v1/tokens", json=wanted).json()["token"]
    refused = http.post(
        "/nublado/spawner/v1/labs/somebody-else/create",
        json={"options": OPTIONS, "env": ENV},
        headers={"authorization": f"Bearer {token}"},
    )
    assert refused.status_code == 403
    detail = refused.json()["detail"][0]
    assert detail["type"] == "permission_denied"
    assert "labs.users names none for somebody-else" in detail["msg"]


def test_without_jupyterlab_the_route_says_so(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    hidden = "import sys\nsys.modules['jupyterlab'] = None\n"
    (absent / "sitecustomize.py").write_text(hidden)
    process = ServerProcess(tmp_path / "data", environment={"PYTHONPATH": str(absent)})
    process.start()
    try:
        with process.http() as http:
            user = name_of(http)
            answers = [
                http.post(
                    f"/nublado/spawner/v1/labs/{user}/create",
                    json={"options": OPTIONS, "env": ENV},
                ),
                http.get(f"/nublado/spawner/v1/lab-form/{user}"),
            ]
            own = http.post("/api/v1/labs", json={})
    finally:
        process.stop()
    for answer in answers:
        assert answer.status_code == 501
        detail = answer.json()["detail"][0]
        assert detail["type"] == "labs_unavailable"
        assert "JupyterLab, which is not installed" in detail["msg"]
    assert (own.status_code, own.json()["code"]) == (501, "labs_unavailable")
