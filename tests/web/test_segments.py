"""Runs whose uids have slashes are reached like others."""

import json
from urllib.parse import quote

import httpx
import pytest
from tests.faces.conftest import http, server  # noqa: F401  # fixtures


@pytest.mark.parametrize("uid", ["a/b", "/", "..", "x/documents", "a%2Fb", "ü/\ue02e"])
def test_a_run_is_reached_by_any_uid(http: httpx.Client, uid: str) -> None:  # noqa: F811
    start = {"uid": uid, "time": 1.7e9}
    http.post("/api/v1/documents", json=["start", start]).raise_for_status()
    path = f"/api/v1/runs/{quote(uid, safe='')}"
    if uid == "..":
        # What clients take for the folder above is percent-encoded by none of them.
        path = "/api/v1/runs/%2E%2E"
    for under in ("", "/documents?format=ndjson"):
        answer = http.get(httpx.URL(str(http.base_url).rstrip("/") + path + under))
        assert answer.status_code == 200, answer.text
    assert json.loads(answer.text.splitlines()[0])[1]["uid"] == uid
