"""Closing a run, and importing an archive, over HTTP."""

import json
from typing import Any
from uuid import uuid4

import httpx

NDJSON = {"content-type": "application/x-ndjson"}


def begun(http: httpx.Client) -> str:
    """Return the uid of a new run that has only its start."""
    uid = str(uuid4())
    send(http, ["start", {"uid": uid, "time": 1.7e9}])
    return uid


def send(http: httpx.Client, *items: Any, **query: str) -> httpx.Response:
    body = "\n".join(json.dumps(item) for item in items)
    return http.post("/api/v1/documents", content=body, headers=NDJSON, params=query)


def close(http: httpx.Client, which: str, body: Any) -> httpx.Response:
    return http.post(f"/api/v1/runs/{which}/close", json=body)


def test_a_run_is_closed_with_a_reason(http: httpx.Client) -> None:
    uid = begun(http)
    answer = close(http, uid[:13], {"reason": "the beam is gone"})
    assert answer.status_code == 200
    run = http.get(f"/api/v1/runs/{uid}").json()
    for told in (answer.json(), run):
        assert (told["uid"], told["status"]) == (uid, "interrupted")
        assert told["close_reason"] == "the beam is gone"
        assert told["closed_by"]
        assert told["closed_at"] > 1.7e9


def test_it_is_closed_once(http: httpx.Client) -> None:
    uid = begun(http)
    close(http, uid, {"reason": "one"})
    answer = close(http, uid, {"reason": "two"})
    assert answer.status_code == 409
    assert "closed it before" in answer.text


def test_a_reason_is_needed(http: httpx.Client) -> None:
    uid = begun(http)
    for body in ({}, {"reason": " "}, {"reason": 5}, {"reason": "x", "more": 1}):
        assert close(http, uid, body).status_code == 422
    assert http.get(f"/api/v1/runs/{uid}").json()["status"] == "open"
    assert close(http, str(uuid4()), {"reason": "gone"}).status_code == 404


def old_descriptor(run: str) -> list[Any]:
    key = {"dtype": "number", "shape": None, "source": "s", "dtype_str": "<f8"}
    body = {"uid": str(uuid4()), "run_start": run, "time": 1.0, "data_keys": {"x": key}}
    return ["descriptor", body]


def test_older_spellings_are_upgraded_only_where_that_is_asked_for(
    http: httpx.Client,
) -> None:
    uid = begun(http)
    item = old_descriptor(uid)
    for query in ({}, {"legacy": "false"}):
        answer = send(http, item, **query)
        assert answer.status_code == 422
        assert answer.json()["refused"][0]["field"] == "/data_keys/x/shape"
    answer = send(http, item, legacy="true")
    assert answer.json() == {"accepted": 1, "repeated": 0, "refused": []}
    run = http.get(f"/api/v1/runs/{uid}").json()
    assert {(one["rule"], one["severity"]) for one in run["findings"]} == {
        ("legacy", "note")
    }
    assert send(http, item, legacy="true").json()["repeated"] == 1


def test_legacy_is_true_or_false(http: httpx.Client) -> None:
    answer = send(http, legacy="perhaps")
    assert answer.status_code == 422
    assert "legacy" in answer.text
