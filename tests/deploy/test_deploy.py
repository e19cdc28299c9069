"""The files of `deploy/`, started as far as this machine has the programs."""

import json
import re
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from quire.testing.campaigns.server import ServerProcess
from quire.testing.not_proved import not_proved
from quire.testing.ports import free_port
from quire.testing.waiting import PATIENCE, until

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SYSTEMD = shutil.which("systemd-analyze")


@pytest.mark.skipif(
    SYSTEMD is None,
    reason=not_proved(
        "the units", why="there is no systemd", mend="apt install systemd (Debian)"
    ),
)
def test_the_units_are_units(tmp_path: Path) -> None:
    here = {"/opt/quire/bin/quire": "/bin/true", "User=quire": "", "Group=quire": ""}
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text()
        for told, instead in here.items():
            text = text.replace(told, instead)
        (tmp_path / unit.name).write_text(text)
    shutil.copy(tmp_path / "quire@.service", tmp_path / "quire@8642.service")
    units = [str(one) for one in tmp_path.iterdir() if "@." not in one.name]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        check=False,
        capture_output=True,
        text=True,
    )
    ours = [line for line in done.stderr.splitlines() if "quire" in line]
    assert ours == []


def test_the_composition_is_whole() -> None:
    composition = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    services = composition["services"]
    servers = [one for one in services.values() if "build" in one]
    assert len(servers) == 3
    ports = {one["command"][one["command"].index("--port") + 1] for one in servers}
    proxied = (DEPLOY / "compose/proxy.conf").read_text()
    assert ports == set(re.findall(r"server 127\.0\.0\.1:(\d+)", proxied))
    assert all(one["network_mode"] == "service:proxy" for one in servers)
    # Nothing is seen from outside but by way of loopback.
    published = [port for one in services.values() for port in one.get("ports", ())]
    assert published == ["127.0.0.1:8080:80"]
    named = {
        mount.partition(":")[0]
        for one in services.values()
        for mount in one.get("volumes", ())
        if not mount.startswith(".")
    }
    assert named == set(composition["volumes"])


@pytest.fixture
def site(postgres_url: str, tmp_path: Path) -> Iterator["Site"]:
    if NGINX is None:
        why, mend = "there is no nginx", "apt install nginx-light (Debian)"
        pytest.skip(not_proved("servers behind nginx", why=why, mend=mend))
    with Site(postgres_url, tmp_path) as made:
        yield made


class Site:
    """Three servers on one database, behind nginx as `deploy/` has it."""

    def __init__(self, database: str, folder: Path) -> None:
        self._stack = ExitStack()
        self.servers = [
            ServerProcess(
                folder / "data",
                environment={"QUIRE_DATABASE": database},
                name=name,
            )
            for name in ("one", "two", "three")
        ]
        self._folder = folder

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for server in self.servers:
                server.start()
                starting.callback(server.stop)
            self.token = self.servers[0].address.token
            self._start_nginx(starting)
            self._stack = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {self.token}"},
            timeout=PATIENCE,
        )

    def _start_nginx(self, stack: ExitStack) -> None:
        text = (DEPLOY / "nginx/quire.conf").read_text()
        for port, server in zip((8642, 8643, 8644), self.servers, strict=True):
            own = server.address.url.rpartition(":")[2]
            text = text.replace(f"127.0.0.1:{port} ", f"127.0.0.1:{own} ")
        own_port = free_port()
        self.url = f"http://127.0.0.1:{own_port}"
        text = text.replace("listen 127.0.0.1:8080", f"listen 127.0.0.1:{own_port}")
        below = self._folder / "nginx"
        below.mkdir()
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{one}_temp_path {below}/{one};\n" for one in kinds)
        (below / "nginx.conf").write_text(
            f"daemon off;\npid {below}/pid;\nerror_log {below}/error.log;\n"
            "events {}\nhttp {\naccess_log off;\n" + temporary + text + "}\n"
        )
        assert NGINX is not None
        child = subprocess.Popen([NGINX, "-p", below, "-c", below / "nginx.conf"])
        stack.callback(child.wait)
        stack.callback(child.terminate)
        until(lambda: _answers(self.url))


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=PATIENCE).status_code == 200
    except httpx.HTTPError:
        return False


def sent_start(http: httpx.Client, uid: str) -> str:
    """Return why a start was refused; empty if it was acknowledged."""
    body = ["start", {"uid": uid, "time": 1.7e9}]
    answer = http.post("/api/v1/documents", json=body)
    return "" if answer.is_success else f"{answer.status_code} {answer.text[:200]}"


def test_a_server_that_dies_costs_a_reconnect_and_nothing_else(site: Site) -> None:
    acknowledged: list[str] = []
    refused: list[str] = []
    ended = threading.Event()

    def send() -> None:
        with site.http() as http:
            while not ended.is_set():
                uid = str(uuid.uuid4())
                # A server killed amid its answer leaves what a proxy cannot mend.
                with suppress(httpx.RemoteProtocolError):
                    said = sent_start(http, uid)
                    (refused if said else acknowledged).append(said or uid)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for server in site.servers[1:]:
            count = len(acknowledged)
            until(lambda count=count: len(acknowledged) > count + 100)  # type: ignore[misc]
            server.kill()
        count = len(acknowledged)
        until(lambda: len(acknowledged) > count + 100)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert refused == []
    with site.http() as http:
        for uid in acknowledged:
            assert http.get(f"/api/v1/runs/{uid}").status_code == 200


def test_events_pass_the_proxy_at_once(site: Site) -> None:
    with site.http() as http:
        wanted = {"kind": "wait", "parameters": {"SECONDS": 3, "STEPS": 30}}
        job = http.post("/api/v1/jobs", json={**wanted, "run": True}).json()["id"]
        first, last = None, None
        begun = time.monotonic()
        with http.stream("GET", f"/api/v1/operations/{job}/events") as events:
            for line in events.iter_lines():
                if line.startswith("data:"):
                    first = first or time.monotonic() - begun
                    last = json.loads(line[5:])
        assert last is not None
        assert first is not None
        assert first < time.monotonic() - begun - 1  # not held back until the end
