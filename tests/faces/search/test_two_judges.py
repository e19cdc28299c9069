"""Two people who judge the same run at once, over HTTP."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest


@pytest.fixture
def here(http: httpx.Client, request: pytest.FixtureRequest) -> str:
    name = "judged-" + re.sub(r"\W", "-", request.node.name)
    start = ["start", {"uid": name, "time": 100.0, "data_groups": ["beam"]}]
    http.post("/api/v1/documents", json=[start]).raise_for_status()
    return f"/api/v1/runs/{name}"


@pytest.fixture
def bob(http: httpx.Client) -> Iterator[dict[str, str]]:
    scopes = ["runs:read", "runs:annotate"]
    wanted = {"user": "bob", "groups": ["beam"], "scopes": scopes}
    made = http.post("/api/v1/tokens", json=wanted).json()
    yield {"authorization": f"Bearer {made['token']}"}
    http.delete(f"/api/v1/tokens/{made['id']}").raise_for_status()


def test_whoever_saw_less_is_told(
    http: httpx.Client, here: str, bob: dict[str, str]
) -> None:
    seen = http.get(here).json()["quality"]["version"]
    bad = {"detector": "DCH", "value": "bad", "seen": seen}
    http.post(f"{here}/flags", json=bad, headers=bob).raise_for_status()
    good = {**bad, "value": "good"}
    refused = http.post(f"{here}/flags", json=good)
    assert refused.status_code == 409
    assert "bob judged the same meanwhile (change 1)" in refused.json()["detail"]
    signed = {"state": "signed off", "seen": seen}
    assert http.put(f"{here}/sign-off", json=signed).status_code == 409
    other = {**bad, "detector": "SVD"}
    assert http.post(f"{here}/flags", json=other).status_code == 200
    field = {"name": "quality_expert.DCH", "value": "GOOD", "seen": seen}
    assert http.post(f"{here}/fields", json=field).status_code == 409
    again = http.post(f"{here}/flags", json={**good, "seen": 2}).json()
    assert [one["value"] for one in again["flags"]] == ["good", "bad"]
    unseen = {"detector": "DCH", "value": "bad"}
    assert http.post(f"{here}/flags", json=unseen).status_code == 200


def test_what_nobody_signed_off_is_not_completed(
    http: httpx.Client, here: str, bob: dict[str, str]
) -> None:
    flag = {"detector": "DCH", "value": "bad"}
    http.post(f"{here}/flags", json=flag).raise_for_status()
    http.put(f"{here}/sign-off", json={"state": "signed off"}).raise_for_status()
    better = {"detector": "DCH", "value": "good"}
    http.post(f"{here}/flags", json=better, headers=bob).raise_for_status()
    complete = {"state": "complete"}
    refused = http.put(f"{here}/sign-off", json=complete, headers=bob)
    assert (refused.status_code, "sign it off again" in refused.text) == (409, True)
    http.put(f"{here}/sign-off", json={"state": "signed off"}).raise_for_status()
    done = http.put(f"{here}/sign-off", json=complete, headers=bob)
    assert done.json()["sign_off"] == "complete"


def test_what_is_not_there_is_not_removed(http: httpx.Client, here: str) -> None:
    flag = {"detector": "DCH", "value": "bad"}
    http.post(f"{here}/flags", json=flag).raise_for_status()
    span = {"unit": "event", "first": 1, "last": 2}
    for gone in ({"detector": "DHC"}, {"detector": "DCH", "span": span}):
        answer = http.post(f"{here}/flags", json={**gone, "value": None})
        assert (answer.status_code, answer.json()["name"]) == (404, gone["detector"])
    assert http.get(here).json()["quality"]["version"] == 1
    name = here.rsplit("/", 1)[1]
    every = {"q": f"uid in ['{name}', none]", "detector": "DCH", "value": None}
    assert http.post("/api/v1/runs/flags", json=every).json()["runs"] == 1
    assert http.post("/api/v1/runs/flags", json=every).json()["runs"] == 0


def test_what_is_complete_says_so(
    http: httpx.Client, here: str, bob: dict[str, str]
) -> None:
    http.put(f"{here}/sign-off", json={"state": "signed off"}).raise_for_status()
    complete = {"state": "complete"}
    http.put(f"{here}/sign-off", json=complete, headers=bob).raise_for_status()
    again = http.put(f"{here}/sign-off", json=complete)
    assert (again.status_code, "complete already" in again.text) == (409, True)


def test_the_longest_comment_is_taken_however_it_is_sent(
    http: httpx.Client, here: str
) -> None:
    text = "\N{FIRE}" * 10_000
    escaped = json.dumps({"text": text})
    headers = {"content-type": "application/json"}
    sent = http.post(f"{here}/comments", content=escaped, headers=headers)
    assert sent.json()["comments"][0]["text"] == text
    page = here.replace("/api/v1", "")
    formed = http.post(f"{page}/quality/comment", data={"text": text})
    assert formed.status_code == 303
    assert http.get(here).json()["quality"]["comments"][1]["text"] == text
