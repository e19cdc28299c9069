"""The button on a run's page, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from tests.browsing import chromium, context, needs_chromium

from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import make_run

NDJSON = {"content-type": "application/x-ndjson"}
pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def http(tmp_path: Path) -> Iterator[httpx.Client]:
    process = ServerProcess(tmp_path / "data")
    process.start()
    with process.http() as client:
        yield client
        client.delete("/api/v1/labs/-")
    process.stop()


def test_a_run_is_opened_in_a_lab(http: httpx.Client) -> None:
    documents = make_run()
    uid = documents[0].body["uid"]
    body = b"\n".join(b'["%b", %b]' % (one.name.encode(), one.raw) for one in documents)
    http.post("/api/v1/documents", content=body, headers=NDJSON).raise_for_status()
    with chromium() as browser, context(browser, str(http.base_url)) as own:
        page = own.new_page()
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(http.post("/api/v1/login-links").json()["url"])
        page.goto(f"/runs/{uid}")
        page.click("text=Open in a lab")
        page.wait_for_url("**/operations/*")
        page.click("#lab")
        page.wait_for_url("**/lab/tree/run-*")
        tab = page.locator(".lm-TabBar-tabLabel", has_text=f"run-{uid}"[:20])
        expect(tab.first).to_be_visible()
    assert broken == []
