"""The line of a runner elsewhere, over HTTP, against the real server."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from quire.actions.attempt_tokens import AttemptTokens
from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

METHODS = {"get", "put", "post", "patch", "delete"}
REFUSED = {401, 403}
VERBS: dict[str, dict[str, Any]] = {
    "claim": {"runner": "me"},
    "beat": {},
    "tell": {"event": {"type": "info", "message": "x"}},
    "deliver": {
        "result": {"id": "r", "path": "p", "size": 1, "mime_type": "text/plain"}
    },
    "finish": {"outcome": {"type": "completed"}},
    "leave": {"runner": "me"},
    "upload": {"path": "jobs/x/1/a"},
}


@pytest.fixture
def job(http: httpx.Client) -> Iterator[str]:
    """A job under way in the embedded engine."""
    wanted = {"kind": "wait", "parameters": {"SECONDS": 60}, "run": True}
    made = http.post("/api/v1/jobs", json=wanted).json()["id"]
    while http.get(f"/api/v1/jobs/{made}").json()["phase"] != "EXECUTING":
        pass
    yield made
    http.post(f"/api/v1/jobs/{made}/abort")


@pytest.fixture
def tokens(server: ServerProcess) -> AttemptTokens:
    return AttemptTokens((server.folder / "token").read_text().strip())


def holder(http: httpx.Client, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=http.base_url,
        headers={"authorization": f"Bearer {token}"},
        timeout=PATIENCE,
    )


def test_its_own_attempt_and_no_other(
    http: httpx.Client, tokens: AttemptTokens, job: str
) -> None:
    one = f"/api/v1/attempts/{job}/1"
    with holder(http, tokens.of(job, 1)) as own:
        assert own.post(f"{one}/beat", json={}).status_code == 204
        assert own.post(f"{one}/tell", json=VERBS["tell"]).status_code == 204
        for other in (f"/api/v1/attempts/{job}/2", "/api/v1/attempts/x/1"):
            for verb, body in VERBS.items():
                assert own.post(f"{other}/{verb}", json=body).status_code == 403
            assert own.get(f"{other}/orders").status_code == 403
    shown = http.get(f"/api/v1/operations/{job}").json()
    assert "x" in str(shown)


def test_its_token_opens_nothing_else(
    http: httpx.Client, tokens: AttemptTokens, job: str
) -> None:
    with holder(http, tokens.of(job, 1)) as own:
        assert own.get("/api/v1/runs").json()["runs"] == []
        for method, path in (
            ("GET", "/api/v1/jobs"),
            ("POST", f"/api/v1/jobs/{job}/abort"),
            ("POST", "/api/v1/documents"),
            ("GET", "/api/v1/tokens"),
            ("GET", "/api/v1/products"),
        ):
            assert own.request(method, path).status_code == 403


def test_no_route_but_those_that_read_runs_takes_it(
    http: httpx.Client, tokens: AttemptTokens, job: str
) -> None:
    """Every route of the API's description is tried, with the job's own id."""
    paths = http.get("/openapi.json").json()["paths"]
    tried = 0
    with holder(http, tokens.of(job, 1)) as own:
        for path, methods in paths.items():
            if path.startswith("/api/v1/attempts/"):
                continue
            for method, said in methods.items():
                scopes = [
                    one for need in said["security"] for one in need.get("token", ())
                ]
                if method not in METHODS or not scopes or "runs:read" in scopes:
                    continue
                where = re.sub(r"\{[^}]*\}", job, path)
                status = own.request(method, where).status_code
                assert status in REFUSED, (method, where, status)
                tried += 1
    assert tried > 50


def test_others_tokens_do_not_fit(
    http: httpx.Client, tokens: AttemptTokens, job: str
) -> None:
    one = f"/api/v1/attempts/{job}/1"
    foreign = AttemptTokens("guessed").of(job, 1)
    for token in ("-", "nonsense", foreign, tokens.of(job, 1)[:-1]):
        with holder(http, token) as client:
            for verb, body in VERBS.items():
                assert client.post(f"{one}/{verb}", json=body).status_code == 401
            assert client.get(f"{one}/orders").status_code == 401
    # Not even that of the owner.
    assert http.post(f"{one}/beat", json={}).status_code == 401


def test_an_abort_is_told_at_once(
    http: httpx.Client, tokens: AttemptTokens, job: str
) -> None:
    heard: list[Any] = []
    one = f"/api/v1/attempts/{job}/1"
    with holder(http, tokens.of(job, 1)) as own:
        assert own.get(f"{one}/orders").json() == {"end": False}

        def hear() -> None:
            answer = own.get(f"{one}/orders", params={"wait": 60}, timeout=70.0)
            heard.append(answer.json())

        thread = threading.Thread(target=hear)
        thread.start()
        http.post(f"/api/v1/jobs/{job}/abort")
        thread.join()
        assert heard == [{"end": True}]
        # It has ended, and so has the token's good.
        for verb in ("claim", "beat", "tell"):
            late = own.post(f"{one}/{verb}", json=VERBS[verb])
            assert (late.status_code, late.json()["code"]) == (409, "attempt_lost")
        finish = own.post(f"{one}/finish", json=VERBS["finish"])
        assert finish.json()["code"] == "attempt_lost"
        assert own.get("/api/v1/runs").status_code == 401


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "beat"])
@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "nonsense", '{"runner": 5}', '{"runner": "a\\u0007b"}']
)
def test_hostile_bodies_are_refused(
    http: httpx.Client, tokens: AttemptTokens, verb: str, body: str
) -> None:
    with holder(http, tokens.of("x", 1)) as own:
        answer = own.post(f"/api/v1/attempts/x/1/{verb}", content=body)
    assert answer.status_code == 422
