"""An acquisition on the pages: known by its own id, and plainly stuck."""

from pathlib import Path

import httpx
from playwright.sync_api import Page, expect
from tests.faces.dashboard.test_pages import any_page, browser, page, pytestmark
from tests.faces.dpm.conftest import specification

from quire.testing.waiting import until

__all__ = ["any_page", "browser", "page", "pytestmark"]


def settled(http: httpx.Client, name: str) -> bool:
    return bool(http.post("/daq/GetDaqStatus", json={"id": name}).json()["error"])


def test_a_blocked_acquisition_says_who_it_is_and_what_is_wrong(
    any_page: Page, http: httpx.Client, tmp_path: Path
) -> None:
    name = f"PAGE.{tmp_path.name}"
    wanted = specification(name, tmp_path / "none.fits")
    http.post("/daq/QueueDaq", json={"specification": wanted}).raise_for_status()
    until(lambda: settled(http, name))
    any_page.goto("/jobs")
    listed = any_page.locator("#jobs tbody tr", has_text=name)
    expect(listed).to_contain_text("HELD")
    listed.locator("a").click()
    expect(any_page.locator("h1")).to_contain_text(name)
    expect(any_page.locator("#state")).to_have_text("HELD")
    expect(any_page.locator(".alerts").first).to_contain_text("there is no file")
    # A bar without a value moves, as if something went on.
    expect(any_page.locator("#bar")).to_have_attribute("value", "0")
    expect(any_page.locator("#retry button")).to_be_visible()
    http.post("/daq/AbortDaq", json={"id": name}).raise_for_status()


def test_one_that_is_queued_later_appears_by_its_name(
    page: Page, http: httpx.Client, tmp_path: Path
) -> None:
    name = f"LATER.{tmp_path.name}"
    page.goto("/jobs")
    expect(page.locator("#connection")).to_have_text("live")
    wanted = specification(name, tmp_path / "none.fits")
    http.post("/daq/QueueDaq", json={"specification": wanted}).raise_for_status()
    expect(page.locator("#jobs tbody tr", has_text=name)).to_contain_text("HELD")
    http.post("/daq/AbortDaq", json={"id": name}).raise_for_status()
