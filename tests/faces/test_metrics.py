import uuid

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families


def figures(http: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_documents_and_requests_are_counted(http: httpx.Client) -> None:
    def counts() -> list[float]:
        found = figures(http)
        posts = {"method": "POST", "route": "/api/v1/documents"}
        answered = frozenset({**posts, "status": "200"}.items())
        whole = frozenset({**posts, "le": "+Inf"}.items())
        outcomes = ("accepted", "repeated", "refused")
        return [
            found.get(("quire_http_requests_total", answered), 0),
            found.get(("quire_http_request_seconds_bucket", whole), 0),
            *(
                found.get(("quire_documents_total", frozenset({("outcome", one)})), 0)
                for one in outcomes
            ),
        ]

    before = counts()
    start = ["start", {"uid": str(uuid.uuid4()), "time": 1.0}]
    items = [start, start, ["start", {}]]
    answer = http.post(
        "/api/v1/documents", json=items, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200
    grown = [after - was for was, after in zip(before, counts(), strict=True)]
    assert grown == [1, 1, 1, 1, 1]


def test_places_and_made_up_paths_make_no_labels(http: httpx.Client) -> None:
    for name in ("one", "two", "three"):
        http.get(f"/api/v1/runs/no-such-{name}")
        http.get(f"/no-such-{name}")
    routes = {
        dict(labels).get("route")
        for name, labels in figures(http)
        if name == "quire_http_requests_total"
    }
    assert "/api/v1/runs/{which}" in routes
    assert "elsewhere" in routes
    assert not [route for route in routes if route and "no-such" in route]


def test_the_process_is_told_of(http: httpx.Client) -> None:
    found = figures(http)
    assert found["process_resident_memory_bytes", frozenset()] > 1e6
    assert found["quire_ready", frozenset()] == 1
    assert found["quire_http_requests_in_progress", frozenset()] == 1


@pytest.mark.parametrize("scopes", [["metrics"], ["runs:read"]])
def test_a_token_for_metrics_is_enough(scopes: list[str], http: httpx.Client) -> None:
    made = http.post("/api/v1/tokens", json={"user": "watcher", "scopes": scopes})
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    wanted = 200 if "metrics" in scopes else 403
    assert http.get("/metrics", headers=headers).status_code == wanted
