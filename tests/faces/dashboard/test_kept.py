"""Good-run lists, saved queries and products on their pages, in a real browser."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect
from tests.faces.dashboard.test_pages import (
    any_page,
    browser,
    logged_in,
    pytestmark,
)
from tests.faces.test_products import made_by, place, send, user

__all__ = ["any_page", "browser", "place", "pytestmark", "user"]

User = Callable[..., httpx.Client]
seen_by = contextmanager(logged_in)


def begin(http: httpx.Client, *uids: str, **more: object) -> None:
    starts = [["start", {"uid": uid, "time": 2e9, **more}] for uid in uids]
    http.post("/api/v1/documents", json=starts).raise_for_status()


def test_a_good_run_list_is_found_and_read(any_page: Page, http: httpx.Client) -> None:
    begin(http, "kept-1", "kept-2", plan_name="kept<i>", group="kept")
    body = {"q": "plan_name = 'kept<i>'", "note": "for the <b>paper"}
    path = "/api/v1/run-lists/kept_ones"
    before = http.post(path, json=body).raise_for_status().json()["version"]
    http.post(path, json={**body, "note": "again"}).raise_for_status()
    any_page.goto("/")
    any_page.get_by_role("link", name="Lists").click()
    row = any_page.locator("#lists tr", has_text="kept_ones")
    expect(row).to_contain_text("again")
    row.get_by_role("link").click()
    expect(any_page.locator("#count")).to_contain_text("2 that you may see")
    expect(any_page.locator("#members tbody tr")).to_have_count(2)
    any_page.locator("#versions").get_by_role("link", name=str(before)).first.click()
    expect(any_page.locator("dl")).to_contain_text("for the <b>paper")
    any_page.get_by_role("link", name="Search these runs").click()
    expect(any_page.locator("#runs tbody tr")).to_have_count(2)
    any_page.go_back()
    any_page.locator("#members a").first.click()
    expect(any_page.locator("h1")).to_contain_text("kept<i>")


def test_a_saved_query_is_found_and_used(any_page: Page, http: httpx.Client) -> None:
    begin(http, "asked-1", plan_name="asked")
    draft: dict[str, Any]
    draft = {"query": "plan_name = nothing", "description": "first"}
    http.put("/api/v1/queries/asked", json=draft).raise_for_status()
    tree = {"field": "plan_name", "op": "=", "value": "asked"}
    draft = {"query": tree, "description": "as a tree"}
    http.put("/api/v1/queries/asked", json=draft).raise_for_status()
    any_page.goto("/queries")
    row = any_page.locator("#queries tr", has_text="as a tree")
    expect(row).to_contain_text('"op": "="')
    row.get_by_role("link").click()
    expect(any_page.locator("#versions")).to_contain_text("plan_name = nothing")
    any_page.get_by_role("link", name="Runs that it finds").click()
    expect(any_page.locator("#runs tbody tr")).to_have_count(1)
    http.delete("/api/v1/queries/asked").raise_for_status()


def test_products_appear_and_are_seen_by_who_may(browser: Browser, user: User) -> None:
    maker, other = user("page-maker"), user("page-other")
    run = send(maker, "page-product")
    with seen_by(browser, maker, script=True) as shown:
        shown.goto("/products")
        expect(shown.locator("#none")).to_have_text("None yet.")
        expect(shown.locator("#connection")).to_have_text("live")
        made = made_by(maker, run)
        name = made["file"].rpartition("/")[2]
        shown.get_by_role("link", name=name).click()
        expect(shown.locator("h1")).to_have_text(name)
        expect(shown.locator("dl")).to_contain_text(made["sha256"])
        with shown.expect_download():
            shown.get_by_role("link", name="File", exact=True).click()
        maker.delete(f"/api/v1/products/{made['id']}", params={"reason": "wrong key"})
        shown.reload()
        expect(shown.get_by_role("alert")).to_contain_text("wrong key")
    with seen_by(browser, other, script=True) as shown:
        shown.goto("/products")
        expect(shown.locator("#none")).to_have_text("None yet.")
        again = made_by(maker, run)
        answer = shown.goto(f"/products/{again['id']}")
        assert answer is not None
        assert answer.status == 404


def test_what_is_another_s_or_the_administrator_s_is_not_shown(
    browser: Browser, user: User
) -> None:
    scopes = ("runs:read", "runs:annotate")
    one, two = user("asker", scopes=scopes), user("other", scopes=scopes)
    for name, visibility in (("mine", "private"), ("ours", "shared")):
        draft = {"query": "plan_name = scan", "visibility": visibility}
        one.put(f"/api/v1/queries/{name}", json=draft).raise_for_status()
    with seen_by(browser, two, script=True) as shown:
        shown.goto("/queries")
        expect(shown.locator("#queries tbody tr")).to_have_count(1)
        shown.goto("/queries/asker/ours")
        expect(shown.locator("h1")).to_contain_text("ours")
        answer = shown.goto("/queries/asker/mine")
        assert answer is not None
        assert answer.status == 404
        shown.goto("/projections")
        expect(shown.locator("#rules tbody tr")).to_have_count(1)
        expect(shown.get_by_role("button")).to_have_count(0)
        # They show documents of everybody.
        for path in ("/inlets", "/outlets"):
            answer = shown.goto(path)
            assert answer is not None
            assert answer.status == 403
            expect(shown.get_by_role("alert")).to_contain_text("admin:all")
