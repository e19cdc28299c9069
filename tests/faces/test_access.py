from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from quire.app.application import application
from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.choosing import on_postgres
from quire.testing.waiting import PATIENCE


def test_a_route_that_does_not_declare_its_users_stops_the_server() -> None:
    async def anything(_: object) -> None: ...

    with pytest.raises(TypeError, match="does not declare"):
        application([Route("/secret", anything)])


ROUTES = [
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/runs/x"),
    ("GET", "/api/v1/runs/x/documents"),
    ("GET", "/api/v1/runs/x/streams/y"),
    ("POST", "/api/v1/documents"),
    ("PUT", "/api/v1/runs/x/lease"),
    ("GET", "/api/v1/jobs"),
    ("POST", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/x"),
    ("POST", "/api/v1/jobs/x/abort"),
    ("POST", "/api/v1/jobs/x/retry"),
    ("GET", "/api/v1/products"),
    ("GET", "/api/v1/operations/x"),
    ("GET", "/api/v1/operations/x/events"),
    ("GET", "/api/v1/tokens"),
    ("POST", "/api/v1/tokens"),
    ("POST", "/api/v1/login-links"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "header",
    ["", "Bearer nonsense", "Basic !!!", "Basic eDp5", "Digest x", "Bearer \xe9"],
)
def test_nobody_gets_in_without_a_token(
    method: str, path: str, header: str, server: ServerProcess
) -> None:
    with server.http() as known:
        base = known.base_url
    headers = [(b"authorization", header.encode("latin-1"))] if header else []
    answer = httpx.request(method, f"{base}{path}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_scope_that_is_not_given_is_missed(http: httpx.Client) -> None:
    made = http.post("/api/v1/tokens", json={"user": "guest", "scopes": ["runs:read"]})
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    assert http.get("/api/v1/runs", headers=headers).json()["runs"] == []
    refused = http.post("/api/v1/documents", headers=headers)
    assert refused.status_code == 403
    assert "runs:ingest" in refused.json()["detail"]
    http.delete(f"/api/v1/tokens/{made.json()['id']}").raise_for_status()
    assert http.get("/api/v1/runs", headers=headers).status_code == 401


def test_a_scope_that_is_none_is_told_with_those_that_are(http: httpx.Client) -> None:
    refused = http.post("/api/v1/tokens", json={"scopes": ["runs:reed"]})
    assert refused.status_code == 422
    assert "runs:reed" in refused.json()["detail"]
    assert "runs:read" in refused.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", ""])
def test_a_foreign_host_is_refused(http: httpx.Client, host: str) -> None:
    assert http.get("/livez", headers={"host": host}).status_code == 403


def test_a_login_link_leads_to_where_browsers_see_the_server(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path / "data")
    process.folder.mkdir()
    settings = 'public_url = "https://quire.example.org/"'
    (process.folder / "quire.toml").write_text(settings)
    process.start()
    with process.http() as client:
        link = client.post("/api/v1/login-links").json()["url"]
        landed = client.get(link.replace("https://quire.example.org", ""))
    process.stop()
    assert link.startswith("https://quire.example.org/login?code=")
    assert "; secure" in landed.headers["set-cookie"].lower()


def test_a_session_is_for_our_own_pages_alone(
    http: httpx.Client, server: ServerProcess
) -> None:
    link = http.post("/api/v1/login-links").json()["url"]
    with httpx.Client(timeout=PATIENCE) as browser:
        landed = browser.get(link)
        assert landed.status_code == 303
        cookie = landed.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "secure" not in cookie  # asked by plain http
        assert "samesite=lax" in cookie
        base = str(http.base_url).rstrip("/")
        wanted = {"kind": "wait", "parameters": {"SECONDS": 0}}
        foreign = browser.post(
            f"{base}/api/v1/jobs", json=wanted, headers={"origin": "http://evil"}
        )
        assert foreign.status_code == 403
        own = browser.post(f"{base}/api/v1/jobs", json=wanted, headers={"origin": base})
        assert own.status_code == 201
        assert httpx.get(link, timeout=PATIENCE).status_code in {303, 401, 403}
    assert server.folder.exists()


def test_secrets_are_their_owners_alone(server: ServerProcess) -> None:
    records = () if on_postgres() else ("quire.sqlite",)
    for name in ("server.json", "token", *records):
        assert (server.folder / name).stat().st_mode & 0o077 == 0


def test_pages_carry_a_strict_policy(http: httpx.Client) -> None:
    policy = http.get("/livez").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
