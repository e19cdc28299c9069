"""What a person is told who asks for what is not there, or not theirs."""

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.faces.dashboard.test_pages import any_page, browser, pytestmark

from quire.testing.campaigns.server import ServerProcess

__all__ = ["any_page", "browser", "pytestmark"]

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/nosuch/page", "nothing is at '/nosuch/page'"),
        ("/runs/nosuch", "no run 'nosuch'"),
        ("/api/v1/runs/nosuch", "no run 'nosuch'"),
        ("/api/v1/products/nosuch/file", "no product 'nosuch'"),
        ("/lists/nosuch", "no run list 'nosuch'"),
        ("/queries/me/nosuch", "no saved query 'nosuch'"),
        ("/products/nosuch", "no product 'nosuch'"),
        ("/inlets/nosuch", "no inlet 'nosuch'"),
        ("/outlets/nosuch", "no outlet 'nosuch'"),
        ("/<b>x", "nothing is at '/<b>x'"),
    ],
)
def test_what_is_not_there_is_told_on_a_page_that_leads_on(
    any_page: Page, path: str, told: str
) -> None:
    answer = any_page.goto(path)
    assert answer is not None
    assert answer.status == 404
    expect(any_page.get_by_role("alert")).to_contain_text(told)
    any_page.get_by_role("link", name="To the runs").click()
    expect(any_page.locator("h1")).to_have_text("Runs")


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/api/v1/runs?limit=x", 422, "limit"),
        ("GET", "/api/v1/runs?scan_id=5", 422, "q=FIELD = VALUE"),
        ("GET", "/operations/x/abort", 405, "it takes POST"),
        ("GET", "/lists/all?version=0", 422, "is out of range (1 to"),
        ("GET", "/products?cursor=%7B", 422, "garbled"),
    ],
)
def test_a_refusal_has_its_status_and_says_the_mend(
    http: httpx.Client, method: str, path: str, status: int, told: str
) -> None:
    answer = http.request(method, path, headers={"accept": BROWSER})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src" in answer.headers["content-security-policy"]
    assert told in answer.text
    told_to_programs = http.request(method, path, headers={"accept": "*/*"})
    assert told_to_programs.status_code == status
    if path.startswith("/api/"):
        assert told_to_programs.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "application/json, text/html;q=0.9"]
)
def test_programs_are_told_as_ever(http: httpx.Client, accept: str) -> None:
    for path in ("/nosuch", "/api/v1/runs/nosuch"):
        answer = http.get(path, headers={"accept": accept})
        assert answer.status_code == 404
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["status"] == 404


def test_who_is_nobody_is_told_how_to_log_in(server: ServerProcess) -> None:
    with httpx.Client(
        base_url=server.address.url, headers={"accept": BROWSER}
    ) as nobody:
        for path in ("/jobs", "/api/v1/runs", "/inlets"):
            answer = nobody.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "quire token login" in answer.text


def test_a_strange_host_is_told_where_to_name_it(server: ServerProcess) -> None:
    with httpx.Client(base_url=server.address.url) as client:
        answer = client.get("/", headers={"host": "evil.org", "accept": BROWSER})
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "[proxy]" in answer.text


def test_what_was_written_is_not_lost_with_the_session(
    any_page: Page, http: httpx.Client
) -> None:
    start = ["start", {"uid": "written-late", "time": 1.0}]
    http.post("/api/v1/documents", json=[start]).raise_for_status()
    any_page.goto("/runs/written-late")
    any_page.fill("#comment-text", "The chiller <b>tripped</b>\nat three.")
    any_page.context.clear_cookies()
    any_page.get_by_role("button", name="Add the comment").click()
    expect(any_page.get_by_role("alert")).to_contain_text("no session")
    written = any_page.locator("#unsaved dd")
    expect(written).to_have_count(1)
    expect(written).to_contain_text("The chiller <b>tripped</b>")
    assert http.get("/api/v1/runs/written-late/history").json()["history"] == []
