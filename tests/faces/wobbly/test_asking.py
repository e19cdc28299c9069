"""Who asks: a trusted proxy's word, or a token that stands for service and user."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from httpx_sse import connect_sse

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

SECRET = "what the proxy and we know"  # noqa: S105
NAMED = {"x-auth-request-user": "alice", "x-auth-request-service": "cutout"}
PROXY = {"x-quire-proxy-secret": SECRET}
NEW = {"json_parameters": {}, "destruction_time": "2036-12-20T10:00:00Z"}
TOML = f"""
[proxy]
addresses = ["127.0.0.1/32"]
secret = "{SECRET}"
hosts = ["example.com"]
"""


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Return a server with a trusted proxy before it."""
    folder: Path = tmp_path_factory.mktemp("behind") / "data"
    folder.mkdir()
    (folder / "quire.toml").write_text(TOML)
    process = ServerProcess(folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def proxy(behind: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{behind.address.url}/wobbly", timeout=PATIENCE
    ) as client:
        yield client


def test_the_proxy_is_believed(proxy: httpx.Client) -> None:
    made = proxy.post("/jobs", json=NEW, headers={**NAMED, **PROXY})
    assert made.status_code == 201
    assert (made.json()["owner"], made.json()["service"]) == ("alice", "cutout")
    other = {**NAMED, **PROXY, "x-auth-request-user": "bob"}
    assert proxy.get(f"/jobs/{made.json()['id']}", headers=other).status_code == 404


def test_addresses_are_those_that_the_proxy_was_asked(proxy: httpx.Client) -> None:
    headers = {
        **NAMED,
        **PROXY,
        "host": "example.com",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "example.com",
    }
    made = proxy.post("/jobs", json=NEW, headers=headers)
    number = made.json()["id"]
    assert made.headers["location"] == f"https://example.com/wobbly/jobs/{number}"
    page = proxy.get("/jobs?limit=1", headers=headers)
    assert page.links["first"]["url"] == "https://example.com/wobbly/jobs?limit=1"
    stranger = proxy.post("/jobs", json=NEW, headers={**headers, "host": "evil.com"})
    assert stranger.status_code == 403


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [
        (["x-auth-request-user"], ["X-Auth-Request-User"]),
        (["x-auth-request-service"], ["X-Auth-Request-Service"]),
        (list(NAMED), ["X-Auth-Request-Service", "X-Auth-Request-User"]),
    ],
)
def test_the_proxy_must_say_both(
    proxy: httpx.Client, left_out: list[str], missing: list[str]
) -> None:
    named = {name: value for name, value in NAMED.items() if name not in left_out}
    answer = proxy.get("/jobs", headers={**named, **PROXY})
    assert answer.status_code == 422
    told = answer.json()["detail"]
    assert [one["loc"] for one in told] == [["header", name] for name in missing]
    assert {one["type"] for one in told} == {"missing"}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-quire-proxy-secret", "something else")],
        [("x-quire-proxy-secret", "")],
        [("x-quire-proxy-secret", SECRET), ("x-quire-proxy-secret", SECRET)],
        [("x-quire-proxy-secret", SECRET + " x")],
        [("x-forwarded-for", "127.0.0.1")],
        [("authorization", "bearer nonsense")],
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/jobs/1", "/admin/jobs", "/admin/users"])
def test_nobody_else_is_believed(
    proxy: httpx.Client, path: str, headers: list[tuple[str, str]]
) -> None:
    answer = proxy.get(path, headers=[*NAMED.items(), *headers])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"]
    assert answer.json()["detail"][0]["type"] == "unauthenticated"


def test_without_a_proxy_headers_mean_nothing(server: ServerProcess) -> None:
    with httpx.Client(
        base_url=f"{server.address.url}/wobbly", timeout=PATIENCE
    ) as client:
        for path in ("/jobs", "/admin/jobs"):
            assert client.get(path, headers={**NAMED, **PROXY}).status_code == 401


def test_the_secret_from_another_address_is_not_enough(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "quire.toml").write_text(TOML.replace("127.0.0.1/32", "10.0.0.1"))
    process = ServerProcess(folder)
    process.start()
    try:
        # Nor does it help to say that one comes from there.
        headers = {**NAMED, **PROXY, "x-forwarded-for": "10.0.0.1"}
        for path in ("jobs", "admin/jobs"):
            url = f"{process.address.url}/wobbly/{path}"
            assert httpx.get(url, headers=headers, timeout=PATIENCE).status_code == 401
    finally:
        process.stop()


@pytest.mark.parametrize("setting", ["addresses = []", 'secret = ""', "other = 1"])
def test_half_a_proxy_stops_the_server(tmp_path: Path, setting: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    name = setting.partition(" ")[0]
    lines = [line for line in TOML.splitlines() if not line.startswith(name)]
    (folder / "quire.toml").write_text("\n".join([*lines, setting]))
    with pytest.raises(RuntimeError, match="proxy"):
        ServerProcess(folder).start()


def test_a_token_says_who_asks_whatever_the_headers_say(
    service: Callable[..., httpx.Client],
) -> None:
    client = service("cutout", "carol")
    headers = {**NAMED, "x-auth-request-user": "mallory"}
    made = client.post("/jobs", json=NEW, headers=headers)
    assert made.json()["owner"] == "carol"


def test_the_proxy_may_hand_a_token_on(proxy: httpx.Client) -> None:
    answer = proxy.get("/jobs", headers={**PROXY, "authorization": "bearer nonsense"})
    assert answer.status_code == 401


def test_a_token_of_a_user_alone_is_not_enough(http: httpx.Client) -> None:
    answer = http.get("/wobbly/jobs")
    assert answer.status_code == 403
    assert "service" in answer.json()["detail"][0]["msg"]


def test_a_session_is_not_taken(http: httpx.Client, server: ServerProcess) -> None:
    link = http.post("/api/v1/login-links").json()["url"]
    with httpx.Client(timeout=PATIENCE) as browser:
        browser.get(link)
        answer = browser.get(f"{server.address.url}/wobbly/jobs")
        assert answer.status_code == 401


def test_the_command_line_makes_such_a_token(server: ServerProcess) -> None:
    address = server.address
    made = subprocess.run(
        [sys.executable, "-m", "quire", "token", "create", "dave", "--service", "cut"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "QUIRE_URL": address.url, "QUIRE_TOKEN": address.token},
    )
    headers = {"authorization": f"bearer {made.stdout.strip()}"}
    with httpx.Client(
        base_url=address.url, headers=headers, timeout=PATIENCE
    ) as client:
        job = client.post("/wobbly/jobs", json=NEW).json()
        assert (job["service"], job["owner"]) == ("cut", "dave")
        assert client.get("/api/v1/runs").status_code == 403


def test_a_token_needs_its_scope(http: httpx.Client) -> None:
    wanted = {"user": "dave", "service": "cutout", "scopes": ["runs:read"]}
    made = http.post("/api/v1/tokens", json=wanted).json()
    headers = {"authorization": f"bearer {made['token']}"}
    assert http.get("/wobbly/jobs", headers=headers).status_code == 403
    listed = http.get("/api/v1/tokens").json()["tokens"]
    assert "cutout" in [token["service"] for token in listed]


def test_operators_see_everybody(
    proxy: httpx.Client, service: Callable[..., httpx.Client], http: httpx.Client
) -> None:
    made = proxy.post("/jobs", json=NEW, headers={**NAMED, **PROXY}).json()
    place = "/admin/services/cutout/users/alice/jobs"
    assert proxy.get(f"{place}/{made['id']}", headers=PROXY).json() == made
    jobs = proxy.get(place, headers=PROXY).json()
    assert made in jobs
    assert proxy.get("/admin/users/alice/jobs", headers=PROXY).json() == jobs
    assert proxy.get("/admin/services", headers=PROXY).json() == ["cutout"]
    assert proxy.get("/admin/services/cutout/users", headers=PROXY).json() == ["alice"]
    assert proxy.get("/admin/services/none/users", headers=PROXY).json() == []
    assert proxy.get("/admin/users", headers=PROXY).json() == ["alice"]
    for unknown in (f"{place}/99", "/admin/services/x/users/alice/jobs/1"):
        answer = proxy.get(unknown, headers=PROXY)
        assert answer.status_code == 404
        assert answer.json()["detail"][0]["type"] == "unknown_job"
    assert service().get("/admin/jobs").status_code == 403
    assert http.get("/wobbly/admin/jobs").status_code == 200
    assert http.delete("/wobbly/admin/jobs").status_code == 405


def test_jobs_of_services_outlive_a_restart_and_are_not_run_here(
    behind: ServerProcess,
) -> None:
    headers = {**NAMED, **PROXY, "x-auth-request-user": "erin"}
    reports = (
        {"phase": "QUEUED", "message_id": "m"},
        {"phase": "EXECUTING", "start_time": "2026-11-20T10:00:00Z"},
    )
    jobs = []
    for report in reports:
        with httpx.Client(
            base_url=behind.address.url, headers=headers, timeout=PATIENCE
        ) as client:
            number = client.post("/wobbly/jobs", json=NEW).json()["id"]
            jobs.append(client.patch(f"/wobbly/jobs/{number}", json=report).json())
    behind.kill()
    behind.start()
    with behind.http() as own:
        wait = {"kind": "wait", "parameters": {"SECONDS": 0}, "run": True}
        inner = own.post("/api/v1/jobs", json=wait).json()["id"]
        with connect_sse(own, "GET", f"/api/v1/operations/{inner}/events") as events:
            assert [event.event for event in events.iter_sse()][-1] == "complete"
    with httpx.Client(
        base_url=behind.address.url, headers=headers, timeout=PATIENCE
    ) as client:
        assert client.get("/wobbly/jobs").json() == jobs[::-1]
