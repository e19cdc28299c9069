"""Lists that are kept fresh, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.faces.dashboard.test_pages import browser, page, pytestmark

from quire.testing.campaigns.server import ServerProcess

__all__ = ["browser", "page", "pytestmark"]


@pytest.fixture
def http(tmp_path: Path) -> Iterator[httpx.Client]:
    """A server whose lists hold what the test has put there."""
    process = ServerProcess(tmp_path / "data")
    process.start()
    with process.http() as client:
        yield client
    process.stop()


def begin(http: httpx.Client, *numbers: int) -> None:
    starts = [
        ["start", {"uid": f"listed-{number:02}", "time": 3e9 + number}]
        for number in numbers
    ]
    http.post("/api/v1/documents", json=starts).raise_for_status()


def listed(page: Page, number: int) -> Locator:
    return page.locator(f"tr[data-uid='listed-{number:02}']")


def test_what_new_runs_push_off_the_page_is_found_behind_it(
    page: Page, http: httpx.Client
) -> None:
    begin(http, *range(51))
    page.goto("/")
    pushed_off = page.locator("#runs tbody tr").last.get_attribute("data-uid")
    begin(http, 51, 52)
    expect(listed(page, 52)).to_be_visible()
    page.get_by_role("link", name="Older runs").click()
    expect(page.locator(f"tr[data-uid='{pushed_off}']")).to_be_visible()


def test_a_list_that_grows_past_a_page_leads_on(page: Page, http: httpx.Client) -> None:
    page.goto("/jobs")
    expect(page.get_by_role("link", name="Older jobs")).to_be_hidden()
    for _ in range(51):
        http.post("/api/v1/jobs", json={"kind": "wait"}).raise_for_status()
    page.get_by_role("link", name="Older jobs").click()
    expect(page.locator("#jobs tbody tr").first).to_be_visible()


def test_the_keyboard_stays_where_it_was(page: Page, http: httpx.Client) -> None:
    begin(http, 70)
    page.goto("/")
    link = listed(page, 70).get_by_role("link")
    link.focus()
    begin(http, 71)
    expect(listed(page, 71)).to_be_visible()
    expect(link).to_be_focused()


def test_a_run_s_page_tells_its_start_document(page: Page, http: httpx.Client) -> None:
    said = {"title": "Ṡample <b>7</b>", "sample": {"name": "CuSO4"}}
    start = {"uid": "told", "time": 1.0, **said}
    http.post("/api/v1/documents", json=[["start", start]]).raise_for_status()
    page.goto("/runs/told")
    page.get_by_text("Start document").click()
    for words in ("Ṡample <b>7</b>", '{"name": "CuSO4"}'):
        expect(page.locator("#start")).to_contain_text(words)
