"""Inlets and outlets on their pages, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.faces.dashboard.test_pages import any_page, browser, page, pytestmark

from quire.testing.campaigns.server import ServerProcess

__all__ = ["any_page", "browser", "page", "pytestmark"]

SETTINGS = """
[inlets.old]
from = "ndjson"
path = "old"
interval = 0.1

[outlets.there]
to = "quire"
url = "{url}"
token_file = "token"
"""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[ServerProcess]:
    """Another Quire, to which the server has a token that is no good."""
    process = ServerProcess(tmp_path / "target")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


@pytest.fixture
def http(here: Path, target: ServerProcess) -> Iterator[httpx.Client]:
    here.mkdir()
    (here / "quire.toml").write_text(SETTINGS.format(url=target.address.url))
    admit(here, "qt_nobody")
    process = ServerProcess(here)
    process.start()
    with process.http() as client:
        yield client
    process.stop()


def admit(here: Path, token: str) -> None:
    (here / "token").write_text(token)
    (here / "token").chmod(0o600)


def begin(http: httpx.Client, uid: str) -> None:
    start = ["start", {"uid": uid, "time": 2e9}]
    http.post("/api/v1/documents", json=[start]).raise_for_status()


def test_an_outlet_in_trouble_says_so_until_it_is_over(
    page: Page, http: httpx.Client, here: Path, target: ServerProcess
) -> None:
    begin(http, "waiting-1")
    page.goto("/outlets")
    page.get_by_role("link", name="there").click()
    expect(page.locator("#state")).to_have_text("backing-off")
    expect(page.locator(".trouble")).to_contain_text("Since 20")
    expect(page.locator("#behind")).to_have_text("1 document")
    expect(page.locator("#connection")).to_have_text("live")
    button = page.get_by_role("button", name="Send again")
    button.focus()
    admit(here, target.address.token)
    expect(page.locator("#state")).to_have_text("going")
    expect(page.locator("#behind")).to_have_text("0 documents")
    expect(page.locator(".trouble")).to_have_count(0)
    expect(button).to_be_focused()
    button.press("Enter")
    expect(page.locator("#state")).to_have_text("going")


def test_what_an_inlet_set_aside_appears_with_its_place(
    page: Page, http: httpx.Client, here: Path
) -> None:
    page.goto("/inlets")
    expect(page.locator("#live")).to_contain_text("is not there")
    (here / "old").mkdir()
    lines = '{"name": "start", "doc": {"uid": "old-1", "time": 1.0}}\n<b>rubbish\n'
    (here / "old" / "one.ndjson").write_text(lines)
    row = page.locator("#inlets tbody tr", has_text="old")
    expect(row.locator("td.aside")).to_have_text("1")
    row.get_by_role("link").click()
    expect(page.locator("#aside tbody")).to_contain_text("one.ndjson:2")
    expect(page.locator("dl")).to_contain_text("1 accepted, 0 repeated, 1 refused")
    assert http.get("/api/v1/runs/old-1").status_code == 200


def test_without_script_the_pages_say_the_same(
    any_page: Page, http: httpx.Client
) -> None:
    begin(http, "waiting-2")
    any_page.goto("/outlets")
    expect(any_page.locator("#outlets")).to_contain_text("there")
    any_page.get_by_role("link", name="Inlets").click()
    expect(any_page.locator("#inlets")).to_contain_text("old")


def test_who_is_logged_out_is_told(page: Page) -> None:
    page.goto("/inlets")
    expect(page.locator("#connection")).to_have_text("live")
    page.context.clear_cookies()
    expect(page.locator("#connection")).to_have_text("logged out")
