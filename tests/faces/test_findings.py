"""Each rule that documents can break, as people meet it: on the run, and in a search."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.runs.rule_cases import CASES

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.references import anchor, parents
from quire.runs.run import Finding
from quire.testing.campaigns.server import ServerProcess

NDJSON = {"content-type": "application/x-ndjson"}
UIDS = (
    "uid",
    "run_start",
    "descriptor",
    "stream_resource",
    "resource",
    "datum_id",
    "datum_ids",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("findings") / "data")
    process.start()
    yield process
    process.stop()


def renamed(documents: list[Document], case: int) -> list[bytes]:
    """Return lines of documents whose uids begin as no other case's."""
    lines = []
    for one in documents:
        if one.name is DocumentName.BULK_EVENTS:
            body = {
                key: [_renamed(DocumentName.EVENT, row, case) for row in rows]
                for key, rows in one.body.items()
            }
        else:
            body = _renamed(one.name, one.body, case)
        lines.append(f'["{one.name.value}",{json.dumps(body)}]'.encode())
    return lines


def _renamed(kind: DocumentName, given: dict[str, Any], case: int) -> dict[str, Any]:
    body = dict(given)
    for name in UIDS:
        if isinstance(body.get(name), str):
            body[name] = f"{case}-{body[name]}"
        elif isinstance(body.get(name), list):
            body[name] = [f"{case}-{each}" for each in body[name]]
    if kind is DocumentName.EVENT:
        body["data"] = {
            key: f"{case}-{value}" if _names_a_datum(value) else value
            for key, value in body["data"].items()
        }
    return body


def _names_a_datum(value: object) -> bool:
    return isinstance(value, str) and "/" in value


def waits(documents: list[Document]) -> bool:
    """Return whether one names none but what has not come, and so belongs to no run."""
    orphans = {DocumentName.DATUM, DocumentName.BULK_EVENTS}
    given = [one for one in documents if one.name in orphans]
    known = {anchor(one) for one in documents}
    return any(not known.intersection(parents(one)) for one in given)


@pytest.mark.parametrize(
    ("case", "documents", "finding"),
    [(number, *one) for number, one in enumerate(CASES) if not waits(one[0])],
)
def test_a_broken_rule_is_kept_listed_and_found(
    case: int, documents: list[Document], finding: Finding, http: httpx.Client
) -> None:
    lines = renamed(documents, case)
    sent = http.post("/api/v1/documents", content=b"\n".join(lines), headers=NDJSON)
    assert sent.json()["refused"] == []
    assert sent.json()["accepted"] == len(set(lines))
    (uid,) = {
        body.get("run_start", body["uid"])
        for name, body in map(json.loads, lines)
        if name in {"start", "stop"}
    } or {""}
    run = http.get(f"/api/v1/runs/{uid}").json()
    assert finding.rule in {one["rule"] for one in run["findings"]}
    told = next(one for one in run["findings"] if one["rule"] == finding.rule)
    assert told["severity"] == finding.severity
    assert told["uid"].startswith(f"{case}-")
    query = f"findings = '{finding.rule}' and uid = '{uid}'"
    found = http.get("/api/v1/runs", params={"q": query}).json()["runs"]
    assert [one["uid"] for one in found] == [uid]
    # It was stored all the same.
    back = http.get(f"/api/v1/runs/{uid}/documents", params={"format": "ndjson"})
    assert sorted(back.content.splitlines()) == sorted(set(lines))


@pytest.mark.parametrize(
    ("case", "documents"),
    [(number, one[0]) for number, one in enumerate(CASES) if waits(one[0])],
)
def test_what_belongs_to_no_run_waits_and_is_a_fault_of_none(
    case: int, documents: list[Document], http: httpx.Client
) -> None:
    lines = renamed(documents, case)
    sent = http.post("/api/v1/documents", content=b"\n".join(lines), headers=NDJSON)
    assert (sent.json()["accepted"], sent.json()["refused"]) == (len(lines), [])
    run = http.get(f"/api/v1/runs/{json.loads(lines[0])[1]['uid']}").json()
    assert run["documents"] == len(lines) - 1
    assert run["findings"] == []


def test_a_page_tells_which_document_it_is_and_what_came_of_a_conflict(
    http: httpx.Client,
) -> None:
    stop = {"uid": "page-stop", "run_start": "page", "time": 9.0}
    sent = [
        ["start", {"uid": "page", "time": 1.0}],
        ["start", {"uid": "page", "time": 1.0, "sample": "<Cu>"}],
        ["stop", {**stop, "exit_status": "success"}],
        ["stop", {**stop, "exit_status": "success", "uid": "page-later"}],
    ]
    answer = http.post("/api/v1/documents", json=sent).json()
    assert (answer["accepted"], len(answer["refused"])) == (3, 1)
    page = http.get("/runs/page", headers={"accept": "text/html"}).text
    assert "<code>page-stop</code>" in page
    assert "&lt;Cu&gt;" in page


def test_each_rule_has_a_case() -> None:
    assert len({finding.rule for _, finding in CASES}) >= 15
    assert sum(waits(documents) for documents, _ in CASES) >= 1
