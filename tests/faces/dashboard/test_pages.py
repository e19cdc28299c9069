"""The pages in a real browser."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browsing import chromium, context, needs_chromium
from tests.documents.samples import FOLDER

NDJSON = {"content-type": "application/x-ndjson"}
pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def any_page(
    request: pytest.FixtureRequest, browser: Browser, http: httpx.Client
) -> Iterator[Page]:
    yield from logged_in(browser, http, script=request.param)


@pytest.fixture
def page(browser: Browser, http: httpx.Client) -> Iterator[Page]:
    yield from logged_in(browser, http, script=True)


def logged_in(browser: Browser, http: httpx.Client, *, script: bool) -> Iterator[Page]:
    broken: list[str] = []
    with context(browser, str(http.base_url), script=script) as own:
        page = own.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on(
            "console",
            lambda said: (
                broken.append(said.text)
                if "Content Security Policy" in said.text
                else None
            ),
        )
        page.goto(http.post("/api/v1/login-links").json()["url"])
        yield page
    assert broken == []


def ingest(http: httpx.Client, lines: list[bytes]) -> None:
    body = b"\n".join(lines)
    http.post("/api/v1/documents", content=body, headers=NDJSON).raise_for_status()


def fresh(name: str, suffix: str) -> tuple[str, list[bytes]]:
    """Return a run of the samples under uids of its own, the newest of all.

    The list shows fifty, and the server is that of all tests that came before.
    """
    lines = (FOLDER / f"{name}.jsonl").read_bytes().splitlines()
    uid = json.loads(lines[0])[1]["uid"]
    uids = {json.loads(line)[1].get("uid") for line in lines} - {None}
    text = re.sub(rb"\b1(\d{9}\.\d)", rb"5\1", b"\n".join(lines))
    for one in uids:
        text = text.replace(one.encode(), f"{one[:-4]}{suffix}".encode())
    return f"{uid[:-4]}{suffix}", text.splitlines()


def test_a_run_is_listed_and_shown(any_page: Page, http: httpx.Client) -> None:
    uid, lines = fresh("scan", "aaaa")
    ingest(http, lines)
    any_page.goto("/")
    any_page.click(f"a[href='/runs/{uid}']")
    expect(any_page.locator("h1")).to_contain_text("scan")
    expect(any_page.locator("#status")).to_have_text("success")
    expect(any_page.locator("table").first).to_contain_text("primary")


def test_what_the_box_finds_is_what_the_file_holds(
    any_page: Page, http: httpx.Client
) -> None:
    uid, lines = fresh("scan", "abab")
    ingest(http, lines)
    for typed in (uid[:13], f"uid = '{uid}'"):
        any_page.goto("/")
        any_page.fill("#query", typed)
        any_page.click("form.search button")
        with any_page.expect_download() as download:
            any_page.get_by_text("all as CSV").click()
        _, *rows = download.value.path().read_text().splitlines()
        assert uid in [row.split(",")[0] for row in rows]
        expect(any_page.locator("#count")).to_contain_text(f"{len(rows)} match")


def test_a_run_grows_before_ones_eyes(page: Page, http: httpx.Client) -> None:
    uid, lines = fresh("scan", "bbbb")
    page.goto("/")
    ingest(http, lines[:8])
    page.click(f"a[href='/runs/{uid}']")
    expect(page.locator("#status")).to_have_text("open")
    expect(page.locator("#plot")).to_have_attribute("data-points", "6")
    ingest(http, lines[8:12])
    expect(page.locator("#plot")).to_have_attribute("data-points", "10")
    expect(page.locator("#events")).to_have_text("10")
    ingest(http, lines[12:])
    expect(page.locator("#status")).to_have_text("success")
    expect(page.locator("#stopped")).to_contain_text("UTC")


def test_a_grid_is_drawn_event_by_event(page: Page, http: httpx.Client) -> None:
    uid, lines = fresh("grid_scan", "cccc")
    ingest(http, lines)
    page.goto(f"/runs/{uid}")
    expect(page.locator("#plot")).to_have_attribute("data-points", "20")
    legend = page.locator("#plot .u-legend")
    expect(legend).to_contain_text("seq_num")
    expect(legend).to_contain_text("det4")
    expect(legend).not_to_contain_text("motor")


def test_a_job_is_watched_and_aborted(page: Page, http: httpx.Client) -> None:
    wanted = {"kind": "wait", "parameters": {"SECONDS": 60, "STEPS": 600}, "run": True}
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    page.goto(f"/operations/{job}")
    expect(page.locator("#message")).to_contain_text("Step")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#abort button")
    expect(page.locator("#state")).to_have_text("ABORTED")
    expect(page.locator("#log")).to_contain_text("Aborted by")
    page.click("#retry button")
    expect(page.locator("body")).to_contain_text("Repeats")


def test_a_finished_job_reads_the_same_after_reload(
    any_page: Page, http: httpx.Client
) -> None:
    wanted = {"kind": "wait", "parameters": {"SECONDS": 0, "STEPS": 3}, "run": True}
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    http.get(f"/api/v1/operations/{job}/events")
    any_page.goto(f"/operations/{job}")
    expect(any_page.locator("#state")).to_have_text("COMPLETED")
    before = any_page.locator("#log").inner_text()
    any_page.reload()
    assert any_page.locator("#log").inner_text() == before


def test_a_rule_is_switched(any_page: Page, http: httpx.Client) -> None:
    def state() -> bool:
        rules = http.get("/api/v1/projections/rules").json()["rules"]
        (rule,) = (one for one in rules if one["name"] == "shown")
        return bool(rule["on"])

    any_page.goto("/")
    any_page.click("nav a[href='/projections']")
    row = any_page.locator("#rules tbody tr", has_text="shown")
    expect(row).to_contain_text("plan_name = 'none of these'")
    expect(row.locator(".chip")).to_have_text("off")
    row.locator("text=Switch on").click()
    expect(row.locator(".chip")).to_have_text("on")
    assert state()
    row.locator("text=Switch off").click()
    expect(row.locator(".chip")).to_have_text("off")
    assert not state()


def test_hostile_text_stays_text(any_page: Page, http: httpx.Client) -> None:
    evil = "<script>alert(1)</script>"
    start = {"uid": "evil-<b>uid", "time": 6e9, "plan_name": evil}
    ingest(http, [json.dumps(["start", start]).encode()])
    any_page.goto("/")
    expect(any_page.locator("#runs")).to_contain_text(evil)


def test_without_a_session_the_page_says_how_to_get_one(
    browser: Browser, http: httpx.Client
) -> None:
    context = browser.new_context(base_url=str(http.base_url))
    page = context.new_page()
    answer = page.goto("/")
    assert answer is not None
    assert answer.status == 401
    expect(page.locator("main")).to_contain_text("quire token login")
    context.close()


def test_the_search_box_finds_and_explains(any_page: Page, http: httpx.Client) -> None:
    for number in range(60):
        start = {"uid": f"box-{number:02}", "time": number, "scan_id": 70_000 + number}
        http.post("/api/v1/documents", json=[["start", start]]).raise_for_status()
    any_page.goto("/")
    box = any_page.get_by_role("searchbox", name="Find runs")
    box.fill("70003-70005")
    box.press("Enter")
    expect(any_page.locator("#count")).to_contain_text("3 match")
    expect(any_page.locator("#runs tbody tr")).to_have_count(3)
    box = any_page.get_by_role("searchbox", name="Find runs")
    box.fill("scan_id >= 70000")
    box.press("Enter")
    expect(any_page.locator("#runs tbody tr")).to_have_count(50)
    any_page.get_by_role("link", name="Older runs").click()
    expect(any_page.locator("#runs tbody tr")).to_have_count(10)
    expect(any_page.get_by_role("searchbox")).to_have_value("scan_id >= 70000")
    box = any_page.get_by_role("searchbox", name="Find runs")
    box.fill("plan_nam = <scan>")
    box.press("Enter")
    expect(any_page.get_by_role("alert")).to_contain_text("column")
    box = any_page.get_by_role("searchbox", name="Find runs")
    box.fill("plan_name = nosuchplan")
    box.press("Enter")
    expect(any_page.locator("#none")).to_have_text("No run matches.")
