"""Pages of runs that are not as one would draw them, in a real browser."""

from typing import Any

import httpx
from playwright.sync_api import Page, expect
from tests.faces.dashboard.test_pages import any_page, browser, page, pytestmark

__all__ = ["any_page", "browser", "page", "pytestmark"]

NARROW = 360
"""Of a telephone held upright, in CSS pixels."""


def ingest(http: httpx.Client, *documents: list[Any]) -> None:
    answer = http.post("/api/v1/documents", json=documents)
    assert answer.json()["refused"] == []


def described(run: str, stream: str, *keys: str) -> list[Any]:
    declared = {key: {"source": "s", "dtype": "number", "shape": []} for key in keys}
    body = {"uid": f"d-{run}-{stream}", "run_start": run, "time": 1.0, "name": stream}
    return ["descriptor", {**body, "data_keys": declared}]


def ended(run: str, **more: Any) -> list[Any]:
    stop = {"uid": f"s-{run}", "run_start": run, "time": 9.0, "exit_status": "fail"}
    return ["stop", {**stop, **more}]


def test_a_run_of_no_time_does_not_end_the_list_s_being_live(
    page: Page, http: httpx.Client
) -> None:
    """Such as one whose time is in nanoseconds."""
    page.goto("/")
    ingest(http, ["start", {"uid": "odd-nanoseconds", "time": 1.7e18}])
    row = page.locator("tr[data-uid='odd-nanoseconds']")
    expect(row).to_contain_text("1700000000000000000 s")
    ingest(http, ["start", {"uid": "odd-afterwards", "time": 1.69e18}])
    expect(page.locator("tr[data-uid='odd-afterwards']")).to_have_count(1)
    expect(page.locator("#connection")).to_have_text("live")


def test_a_run_without_a_primary_stream_is_drawn(
    page: Page, http: httpx.Client
) -> None:
    uid = "odd-no-primary"
    event = {"descriptor": f"d-{uid}-fly", "time": 2.0, "data": {"x": 1.0}}
    ingest(
        http,
        ["start", {"uid": uid, "time": 1.0}],
        described(uid, "baseline", "temperature"),
        described(uid, "fly", "x"),
        *(
            ["event", {**event, "uid": f"e{n}", "seq_num": n, "timestamps": {"x": 2.0}}]
            for n in (1, 2, 3)
        ),
        ended(uid),
    )
    page.goto(f"/runs/{uid}")
    expect(page.locator("#plot")).to_have_attribute("data-points", "3")
    expect(page.locator("figcaption")).to_have_text("3 events of the stream fly")


def test_long_values_stay_within_a_narrow_screen(
    any_page: Page, http: httpx.Client
) -> None:
    uid = "odd-long-" + "u" * 1000
    said = {"title": "t" * 10_000, "k" * 500: {"within": ["x" * 500]}}
    ingest(
        http,
        ["start", {"uid": uid, "time": 1.0, "plan_name": "p" * 1000, **said}],
        described(uid, "primary", *(f"key{n}_{'k' * 80}" for n in range(9))),
        ended(uid, reason="r" * 1000),
    )
    words = {"cause": "c" * 1000, "comment": "o" * 1000, "reason": "w" * 1000}
    flag = {"detector": "D" * 100, "value": "v" * 1000, **words}
    here = f"/api/v1/runs/{uid}"
    http.post(f"{here}/flags", json=flag).raise_for_status()
    http.post(f"{here}/comments", json={"text": "t" * 5000}).raise_for_status()
    any_page.set_viewport_size({"width": NARROW, "height": 800})
    for path in (f"/runs/{uid}", f"/operations/{uid}", "/", "/docs"):
        any_page.goto(path)
        for summary in any_page.locator("summary").all():
            summary.click()
        width = any_page.evaluate("document.scrollingElement.scrollWidth")
        assert width <= NARROW, path


def test_a_printed_page_has_what_was_said_and_no_forms(
    any_page: Page, http: httpx.Client
) -> None:
    uid = "odd-printed"
    ingest(http, ["start", {"uid": uid, "time": 1.0}])
    here = f"/api/v1/runs/{uid}"
    flag = {"detector": "DCH", "value": "bad"}
    http.post(f"{here}/flags", json=flag).raise_for_status()
    any_page.goto(f"/runs/{uid}")
    any_page.emulate_media(media="print")
    expect(any_page.locator("#flags")).to_be_visible()
    expect(any_page.locator("#commenting")).to_be_hidden()
    expect(any_page.get_by_role("navigation")).to_be_hidden()


def test_a_run_that_ended_before_its_first_stream_is_not_waited_for(
    page: Page, http: httpx.Client
) -> None:
    uid = "odd-no-stream"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    ingest(http, ["start", {"uid": uid, "time": 1.0}], ended(uid))
    page.goto(f"/runs/{uid}")
    expect(page.locator("#status")).to_have_text("fail")
    expect(page.locator("#plot")).to_have_count(0)
    assert not [url for url in asked if "/samples" in url]


def test_a_stream_that_comes_later_is_listed(page: Page, http: httpx.Client) -> None:
    uid = "odd-later-stream"
    ingest(http, ["start", {"uid": uid, "time": 1.0}])
    page.goto(f"/runs/{uid}")
    expect(page.locator("#connection")).to_have_text("live")
    expect(page.locator("main")).to_contain_text("None yet.")
    ingest(http, described(uid, "primary", "x"))
    expect(page.locator("[data-rows='primary']")).to_have_text("0")


def test_a_name_from_right_to_left_leaves_the_rest_in_order(
    any_page: Page, http: httpx.Client
) -> None:
    uid = "odd-right-to-left"
    ingest(http, ["start", {"uid": uid, "time": 1.0, "plan_name": "מדידה של דגימה"}])
    any_page.goto(f"/runs/{uid}")
    name, status = (any_page.locator(one) for one in ("h1 small", "#status"))
    expect(status).to_have_text("open")
    boxes = name.bounding_box(), status.bounding_box()
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] < boxes[1]["x"]
