import json
import re
from typing import Any

import httpx
import pytest


@pytest.fixture
def document(http: httpx.Client) -> Any:
    answer = http.get("/openapi.json", headers={"authorization": ""})
    assert answer.status_code == 200
    return answer.json()


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, one)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    ]


def test_it_is_openapi_with_every_path_once(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert {"get", "post"} <= set(document["paths"]["/api/v1/jobs"])
    assert set(document["paths"]["/api/v1/runs/{which}/documents"]) == {"get"}
    names = [one["operationId"] for _, _, one in operations(document)]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere(document: Any) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert {"Problem", "Receipt", "Refusal"} <= named
    assert named <= set(document["components"]["schemas"])


def test_places_in_a_path_are_parameters(document: Any) -> None:
    for path, _, one in operations(document):
        declared = {each["name"] for each in one["parameters"] if each["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path))
        assert ":" not in path


def test_what_the_api_does_is_said(document: Any) -> None:
    silent = [
        (path, method)
        for path, method, one in operations(document)
        if path.startswith("/api/v1/") and not one["summary"]
    ]
    assert silent == []


def test_a_route_says_which_scope_it_needs(document: Any) -> None:
    post = document["paths"]["/api/v1/documents"]["post"]
    assert post["security"] == [
        {"token": ["runs:ingest"]},
        {"password": ["runs:ingest"]},
    ]
    assert document["paths"]["/livez"]["get"]["security"] == []


def test_a_body_names_its_model(document: Any, http: httpx.Client) -> None:
    content = document["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    assert schema["discriminator"]["propertyName"] == "kind"
    name = schema["discriminator"]["mapping"]["wait"].rpartition("/")[2]
    fields = document["components"]["schemas"][name]["properties"]
    wanted = {"kind": "wait", "parameters": {"SECONDS": 0}}
    assert set(wanted) <= set(fields)
    assert http.post("/api/v1/jobs", json=wanted).status_code == 201


def test_the_page_lists_what_the_document_does(
    document: Any, http: httpx.Client
) -> None:
    answer = http.get("/docs", headers={"authorization": ""})
    assert answer.headers["content-type"].startswith("text/html")
    for path, method, _ in operations(document):
        assert f"{method.upper()} {path}" in answer.text
    for name in document["components"]["schemas"]:
        assert f'id="model-{name}"' in answer.text


def test_the_page_needs_nobody_else(http: httpx.Client) -> None:
    page = http.get("/docs").text
    assert "<script" not in page
    assert "style=" not in page
    links = re.findall(r'(?:href|src)="([^"#]+)', page)
    assert {link for link in links if not link.startswith(("/", "data:"))} == set()
    for link in {link for link in links if link.startswith("/static")}:
        assert http.get(link).status_code == 200
