"""Whose a good-run list is, and what it says of how it was made, over HTTP."""

from typing import Any

import httpx
import pytest

RUNS = 24


@pytest.fixture
def crew(http: httpx.Client) -> dict[str, dict[str, str]]:
    """People, and how they show who they are."""

    def headers(user: str, *groups: str) -> dict[str, str]:
        scopes = ["runs:read", "runs:annotate"]
        wanted = {"user": user, "groups": ["beam", *groups], "scopes": scopes}
        token = http.post("/api/v1/tokens", json=wanted).json()["token"]
        return {"authorization": f"Bearer {token}"}

    return {
        "ann": headers("ann", "shift"),
        "bob": headers("bob", "shift"),
        "eve": headers("eve"),
    }


def freeze(
    http: httpx.Client, name: str, who: dict[str, str], **more: Any
) -> httpx.Response:
    asked = {"q": "experiment = 26", **more}
    return http.post(f"/api/v1/run-lists/{name}", json=asked, headers=who)


def test_a_list_is_its_maker_s(
    http: httpx.Client, crew: dict[str, dict[str, str]]
) -> None:
    made = freeze(http, "mine", crew["ann"]).json()
    assert (made["owner"], made["group"], made["version"]) == ("ann", "", 1)
    refused = freeze(http, "mine", crew["bob"], q="experiment = 27")
    assert (refused.status_code, "ann" in refused.text) == (403, True)
    assert "another name" in refused.json()["detail"]
    assert http.get("/api/v1/run-lists/mine").json()["version"] == 1
    by_admin = freeze(http, "mine", {}).json()
    assert (by_admin["owner"], by_admin["version"]) == ("ann", 2)
    assert by_admin["author"] != "ann"
    assert freeze(http, "mine", crew["ann"]).json()["version"] == 3


def test_a_crew_keeps_a_list_together(
    http: httpx.Client, crew: dict[str, dict[str, str]]
) -> None:
    made = freeze(http, "ours", crew["ann"], group="shift").json()
    assert (made["owner"], made["group"]) == ("ann", "shift")
    second = freeze(http, "ours", crew["bob"]).json()
    found = [second[name] for name in ("version", "author", "owner", "group")]
    assert found == [2, "bob", "ann", "shift"]
    refused = freeze(http, "ours", crew["eve"])
    assert (refused.status_code, "shift" in refused.text) == (403, True)
    assert freeze(http, "ours", crew["bob"], group="").status_code == 403
    assert freeze(http, "ours", crew["ann"], group="").json()["group"] == ""
    assert freeze(http, "ours", crew["bob"]).status_code == 403


def test_no_list_is_given_to_a_group_of_others(
    http: httpx.Client, crew: dict[str, dict[str, str]]
) -> None:
    refused = freeze(http, "theirs", crew["eve"], group="shift")
    assert (refused.status_code, refused.json()["field"]) == (422, "group")
    assert http.get("/api/v1/run-lists/theirs").status_code == 404


def test_a_list_can_be_made_again_from_what_it_says(http: httpx.Client) -> None:
    saved = {"query": "experiment = 26 and run < 4"}
    http.put("/api/v1/queries/early", json=saved).raise_for_status()
    asked = {"q": "@early and time < now - 1 d", "bad": ["awful"]}
    made = http.post("/api/v1/run-lists/again", json=asked).json()
    assert (made["bad"], made["runs"], made["left_out"]) == (["awful"], 3, 0)
    changed = {"query": "experiment = 27"}
    http.put("/api/v1/queries/early", json=changed).raise_for_status()
    search = {"tree": made["tree"]}
    found = http.post("/api/v1/runs/search", json=search).json()["runs"]
    members = http.get("/api/v1/run-lists/again").json()["members"]
    assert {one["uid"] for one in found} == {one["uid"] for one in members}
    every = http.post("/api/v1/run-lists/every", json={"q": ""}).json()
    assert (every["tree"], every["runs"] >= RUNS) == (None, True)


def test_a_list_says_how_many_have_no_value(http: httpx.Client) -> None:
    asked = {"q": "sample.T > 3 and experiment = 26"}
    whole = http.post("/api/v1/run-lists/told", json=asked).json()
    assert whole["left_out"] == 0
    asked = {"q": "sample.P > 1"}
    none = http.post("/api/v1/run-lists/told", json=asked).json()
    assert (none["runs"], none["left_out"]) == (0, RUNS)


def test_a_mistyped_parameter_is_no_other_list(http: httpx.Client) -> None:
    asked = {"q": "experiment = 26", "note": "n" * 10_001}
    refused = http.post("/api/v1/run-lists/typed", json=asked)
    assert (refused.status_code, refused.json()["field"]) == (422, "note")
    http.post("/api/v1/run-lists/typed", json={"q": ""}).raise_for_status()
    here = "/api/v1/run-lists/typed"
    for path, name in (("", "versio"), ("", "expriment"), ("/difference", "wth")):
        answer = http.get(f"{here}{path}", params={name: 1})
        assert (answer.status_code, answer.json()["field"]) == (422, name)


def test_pages_of_a_list_are_all_of_one_version(http: httpx.Client) -> None:
    def freeze_as(query: str) -> None:
        asked = {"q": query}
        http.post("/api/v1/run-lists/turned", json=asked).raise_for_status()

    freeze_as("experiment = 26")
    asked = {"q": "@turned and run < 9", "limit": 5}
    first = http.post("/api/v1/runs/search", json=asked).json()
    following = {**asked, "cursor": first["next"]}
    assert len(http.post("/api/v1/runs/search", json=following).json()["runs"]) == 3
    freeze_as("experiment = 27")
    refused = http.post("/api/v1/runs/search", json=following)
    assert (refused.status_code, refused.json()["field"]) == (422, "cursor")
    assert "a name in it was changed" in refused.json()["detail"]
