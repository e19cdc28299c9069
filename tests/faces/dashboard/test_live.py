"""Pages that keep themselves fresh, in a real browser."""

import json
import math
import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.faces.dashboard.test_pages import browser, fresh, ingest, page, pytestmark

__all__ = ["browser", "page", "pytestmark"]

_HEARD = """() => performance.getEntriesByType('resource')
  .map((entry) => new URL(entry.name).pathname)
  .filter((path) => path.startsWith('/api/v1/streams') || path.endsWith('/events'))"""


def grown(uid: str, number: int) -> bytes:
    """Return a page of a hundred events of a stream with a sine and its step."""
    first = 100 * number
    many = range(first, first + 100)
    body = {
        "descriptor": f"{uid}-d",
        "uid": [f"{uid}-{one}" for one in many],
        "time": [4e9 + one for one in many],
        "seq_num": [one + 1 for one in many],
        "data": {
            "motor": [one / 10 for one in many],
            "det": [math.sin(one / 40) for one in many],
            "step": [one // 50 for one in many],
        },
        "timestamps": {
            key: [4e9 + one for one in many] for key in ("motor", "det", "step")
        },
    }
    return json.dumps(["event_page", body]).encode()


def begun(uid: str) -> list[bytes]:
    """Return the documents that open such a run."""
    key = {"source": "sim", "dtype": "number", "shape": []}
    hints = {"dimensions": [[["motor"], "primary"]]}
    start = {"uid": uid, "time": 4e9, "plan_name": "wave", "hints": hints}
    descriptor = {
        "uid": f"{uid}-d",
        "time": 4e9,
        "run_start": uid,
        "name": "primary",
        "data_keys": dict.fromkeys(("motor", "det", "step"), key),
    }
    return [
        json.dumps(["start", start]).encode(),
        json.dumps(["descriptor", descriptor]).encode(),
    ]


def test_a_plot_is_drawn_as_the_samples_come(page: Page, http: httpx.Client) -> None:
    uid = "live-plot-1"
    ingest(http, [*begun(uid), grown(uid, 0)])
    page.goto(f"/runs/{uid}")
    expect(page.locator("#plot")).to_have_attribute("data-points", "100")
    legend = page.locator("#plot .u-legend")
    expect(legend).to_contain_text("det")
    expect(legend).to_contain_text("step")
    expect(legend).not_to_contain_text("seq_num")
    for number in range(1, 30):
        ingest(http, [grown(uid, number)])
    expect(page.locator("#plot")).to_have_attribute("data-points", "3000")
    expect(page.locator("#events")).to_have_text("3000")
    painted = page.evaluate("""() => {
      const canvas = document.querySelector('#plot canvas');
      const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const seen = new Set();
      for (let at = 0; at < bytes.length; at += 4) if (bytes[at + 3] > 200) seen.add(bytes.slice(at, at + 3).join());
      return seen.size;
    }""")
    assert painted > 2  # axes, and a line of its own colour for each key


def test_new_runs_appear_in_the_list(page: Page, http: httpx.Client) -> None:
    page.goto("/")
    uid, lines = fresh("scan", "cccc")
    ingest(http, lines)
    expect(page.locator(f"tr[data-uid='{uid}']")).to_contain_text("success")


@pytest.mark.parametrize("shown", ["/runs/{uid}", "/"])
def test_what_was_not_fetched_is_fetched_again(
    page: Page, http: httpx.Client, shown: str
) -> None:
    uid, lines = fresh("scan", "f0f0" if shown == "/" else "f1f1")
    ingest(http, lines[:8])
    page.goto(shown.format(uid=uid))
    said = page.locator("#connection")
    expect(said).to_have_text("live")
    gone = re.compile(rf"/api/v1/runs(/{uid}|\?limit=50)$")
    page.route(gone, lambda route: route.abort())
    ingest(http, lines[8:])
    expect(said).to_have_text("reconnecting")
    page.unroute(gone)
    fetched = page.locator(f"#status.success, tr[data-uid='{uid}'] .chip.success")
    expect(fetched).to_be_visible()
    expect(said).to_have_text("live")


def test_jobs_that_were_not_fetched_are_fetched_again(
    page: Page, http: httpx.Client
) -> None:
    page.goto("/jobs")
    said = page.locator("#connection")
    expect(said).to_have_text("live")
    gone = re.compile(r"/api/v1/jobs\?limit=50$")
    page.route(gone, lambda route: route.abort())
    wanted = {"kind": "wait", "parameters": {"SECONDS": 0}, "run": True}
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    expect(said).to_have_text("reconnecting")
    # As all times of the pages are, whatever zone the browser is in.
    expect(said).to_have_text(re.compile(r"^stale since \d\d:\d\d:\d\d UTC$"))
    page.unroute(gone)
    chip = page.locator(f"tr[data-job='{job}'] .chip")
    expect(chip).to_have_text("COMPLETED")
    expect(said).to_have_text("live")


def test_elapsed_time_is_the_server_s(page: Page, http: httpx.Client) -> None:
    """A console's clock may be hours off."""
    page.clock.install(time="2001-01-01T00:00:00Z")
    wanted = {"kind": "wait", "parameters": {"SECONDS": 100, "STEPS": 100}, "run": True}
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    page.goto(f"/operations/{job}")
    page.clock.run_for(3000)
    expect(page.locator("#elapsed")).to_have_text(re.compile(r"^ · \d{1,4} s ago$"))
    expect(page.locator("#log li").nth(2).locator("time")).not_to_contain_text("2001")
    http.post(f"/api/v1/jobs/{job}/abort").raise_for_status()


def test_who_is_logged_out_is_told(page: Page, http: httpx.Client) -> None:
    page.goto("/")
    said = page.locator("#connection")
    expect(said).to_have_text("live")
    page.context.clear_cookies()
    ingest(http, fresh("scan", "f2f2")[1])
    expect(said).to_have_text("logged out")


def test_jobs_are_followed_in_their_list_by_one_stream(
    page: Page, http: httpx.Client
) -> None:
    wanted = {
        "kind": "wait",
        "parameters": {"SECONDS": 120, "STEPS": 1200},
        "run": True,
    }
    page.goto("/jobs")
    jobs = [http.post("/api/v1/jobs", json=wanted).json()["id"] for _ in range(2)]
    for job in jobs:
        expect(page.locator(f"tr[data-job='{job}'] .told")).to_contain_text("% Step")
        http.post(f"/api/v1/jobs/{job}/abort").raise_for_status()
        chip = page.locator(f"tr[data-job='{job}'] .chip")
        expect(chip).to_have_text("ABORTED")
    assert set(page.evaluate(_HEARD)) <= {"/api/v1/streams/operations"}


def test_a_page_says_how_long_a_job_will_take(page: Page, http: httpx.Client) -> None:
    wanted = {"kind": "wait", "parameters": {"SECONDS": 100, "STEPS": 100}, "run": True}
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    page.goto(f"/operations/{job}")
    expect(page.locator("#left")).to_contain_text("left")
    http.post(f"/api/v1/jobs/{job}/abort").raise_for_status()


def test_a_long_log_is_followed_only_from_its_end(
    page: Page, http: httpx.Client
) -> None:
    wanted = {
        "kind": "wait",
        "parameters": {"SECONDS": 60, "STEPS": 600},
        "run": True,
    }
    job = http.post("/api/v1/jobs", json=wanted).json()["id"]
    page.goto(f"/operations/{job}")
    page.locator("#log ol").evaluate("(list) => { list.style.maxHeight = '5rem'; }")
    expect(page.locator("#e12")).to_be_attached()
    page.locator("#log ol").evaluate("(list) => { list.scrollTop = 0; }")
    button = page.get_by_role("button", name="Jump to latest")
    expect(button).to_be_visible()
    lines = page.locator("#log li").count()
    page.wait_for_function(
        f"() => document.querySelectorAll('#log li').length > {lines + 2}"
    )
    assert page.locator("#log ol").evaluate("(list) => list.scrollTop") == 0
    button.click()
    expect(button).to_be_hidden()
    http.post(f"/api/v1/jobs/{job}/abort").raise_for_status()
    expect(page.locator("#state")).to_have_text("ABORTED")
    page.locator("#steps summary").click()
    expect(page.locator("#steps")).to_contain_text("of 600")


def test_many_tabs_are_live_at_once(page: Page, http: httpx.Client) -> None:
    """A browser has six connections for a server, of all its tabs together."""
    wanted = {
        "kind": "wait",
        "parameters": {"SECONDS": 120, "STEPS": 1200},
        "run": True,
    }
    jobs = [http.post("/api/v1/jobs", json=wanted).json()["id"] for _ in range(2)]
    tabs = [page, *(page.context.new_page() for _ in range(8))]
    for number, tab in enumerate(tabs):
        tab.goto(f"/operations/{jobs[number % 2]}")
    for tab in tabs:
        expect(tab.locator("#connection")).to_have_text("live")
        expect(tab.locator("#message")).to_contain_text("Step")
    for job in jobs:
        http.post(f"/api/v1/jobs/{job}/abort").raise_for_status()
    for tab in tabs:
        expect(tab.locator("#state")).to_have_text("ABORTED")
