"""Judging a run on its page, in a real browser: by keys alone, with and without script."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.faces.dashboard.test_pages import (
    any_page,
    browser,
    fresh,
    ingest,
    page,
    pytestmark,
)

__all__ = ["any_page", "browser", "page", "pytestmark"]

_SIGNED = "signed off"


@pytest.fixture
def run(http: httpx.Client, request: pytest.FixtureRequest) -> str:
    name = re.sub(r"\W", "-", request.node.name)
    start = {"uid": f"judged-{name}", "time": 4e9, "scan_id": 4_711}
    stop = {"uid": f"end-{name}", "run_start": start["uid"], "time": 4e9 + 60}
    documents = [["start", start], ["stop", {**stop, "exit_status": "success"}]]
    http.post("/api/v1/documents", json=documents).raise_for_status()
    return f"judged-{name}"


def quality(http: httpx.Client, run: str) -> dict[str, Any]:
    found: dict[str, Any] = http.get(f"/api/v1/runs/{run}").json()["quality"]
    return found


def opened(page: Page, summary: str) -> None:
    """Open one of the page's details by the keyboard."""
    page.locator("summary", has_text=re.compile(f"^{summary}$")).press("Enter")


def flag(page: Page, **fields: str) -> None:
    """Fill the form of flags and send it by the keyboard."""
    if not page.get_by_label("Detector", exact=True).is_visible():
        opened(page, "Flag a detector")
    for label, text in fields.items():
        page.locator(f"#flag-{label}").fill(text)
    page.get_by_role("button", name="Set the flag").press("Enter")


def rows(page: Page) -> Locator:
    return page.locator("#flags tbody tr")


def test_a_detector_is_flagged_and_the_flag_removed_and_brought_back(
    any_page: Page, http: httpx.Client, run: str
) -> None:
    any_page.goto(f"/runs/{run}")
    expect(any_page.locator("#quality")).to_contain_text("None yet.")
    flag(any_page, detector="DCH", value="bad", cause="HV", comment="a <b>trip</b>")
    row = rows(any_page)
    for told in ("DCH", "bad", "whole run", "HV", "a <b>trip</b>"):
        expect(row).to_contain_text(told)
    (kept,) = quality(http, run)["flags"]
    assert (kept["value"], kept["cause"], kept["comment"]) == (
        "bad",
        "HV",
        "a <b>trip</b>",
    )
    expect(row).to_contain_text(kept["author"])
    expect(any_page.locator("main > dl")).to_contain_text("open, DCH bad")
    row.get_by_role("button", name="Remove the flag of DCH, whole run").press("Enter")
    expect(rows(any_page)).to_have_count(0)
    opened(any_page, "Changes")
    expect(any_page.locator("#changes tbody tr").first).to_contain_text(
        "flag DCH removed, whole run"
    )
    any_page.get_by_role("button", name="Undo change 2").press("Enter")
    expect(rows(any_page)).to_contain_text("bad")
    opened(any_page, "Changes")
    expect(any_page.get_by_role("button", name="Undo change 2")).to_have_count(0)
    undone = any_page.locator("#changes tr.undone")
    expect(undone).to_contain_text("flag DCH removed")


def test_a_part_of_a_run_is_flagged_by_events_and_by_time(
    any_page: Page, http: httpx.Client, run: str
) -> None:
    any_page.goto(f"/runs/{run}")
    opened(any_page, "Flag a detector")
    any_page.get_by_label("Part of the run").select_option("some events")
    flag(any_page, detector="SVD", value="bad", first="3", last="7")
    expect(rows(any_page)).to_contain_text("events 3–7")
    opened(any_page, "Flag a detector")
    any_page.get_by_label("Part of the run").select_option("some time")
    flag(
        any_page,
        detector="SVD",
        value="noisy",
        first="2096-10-02 07:06:40",
        last="2096-10-02T07:07:10Z",
    )
    expect(rows(any_page).nth(1)).to_contain_text(
        "2096-10-02 07:06:40 – 2096-10-02 07:07:10"
    )
    assert [one["span"] for one in quality(http, run)["flags"]] == [
        {"unit": "event", "first": 3, "last": 7},
        {"unit": "time", "first": 4e9, "last": 4e9 + 30},
    ]
    rows(any_page).nth(0).get_by_role("button").press("Enter")
    expect(rows(any_page)).to_have_count(1)
    expect(rows(any_page)).to_contain_text("noisy")


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"detector": "D C H"}, "detector", "is no name"),
        ({"part": "event", "first": "9", "last": "2"}, "last", "stands before"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_typed_is_lost(
    any_page: Page,
    http: httpx.Client,
    run: str,
    wrong: dict[str, str],
    field: str,
    told: str,
) -> None:
    any_page.goto(f"/runs/{run}")
    opened(any_page, "Flag a detector")
    given = {"detector": "DCH", "value": "bad", "comment": 'kept "as is"'} | wrong
    part = given.pop("part", "")
    any_page.locator("#flag-part").select_option(part)
    flag(any_page, **given)
    at = any_page.locator(f"#flag-{field}")
    expect(at).to_have_attribute("aria-invalid", "true")
    expect(at).to_have_accessible_description(re.compile(re.escape(told)))
    expect(at).to_be_focused()
    expect(any_page.get_by_role("alert")).to_have_count(1)
    for name, text in given.items():
        expect(any_page.locator(f"#flag-{name}")).to_have_value(text.strip() or text)
    expect(any_page.locator("#flag-part")).to_have_value(part)
    assert quality(http, run)["version"] == 0


def test_comments_are_added_and_withdrawn(
    any_page: Page, http: httpx.Client, run: str
) -> None:
    any_page.goto(f"/runs/{run}")
    any_page.get_by_label("Comment", exact=True).last.fill("The beam\nwas <i>low</i>")
    any_page.get_by_role("button", name="Add the comment").press("Enter")
    expect(any_page.locator("#comments .text")).to_have_text("The beam was <i>low</i>")
    assert quality(http, run)["comments"][0]["text"] == "The beam\nwas <i>low</i>"
    any_page.get_by_label("Comment", exact=True).last.fill("   ")
    any_page.get_by_role("button", name="Add the comment").press("Enter")
    expect(any_page.get_by_role("alert")).to_contain_text("is empty or too long")
    any_page.get_by_role("button", name="Withdraw comment 1").press("Enter")
    expect(any_page.locator("#comments")).to_have_count(0)
    assert quality(http, run)["comments"] == []


def test_a_run_is_signed_off_completed_locked_and_opened_again(
    any_page: Page, http: httpx.Client, run: str
) -> None:
    def sign(state: str, reason: str) -> None:
        opened(any_page, "Sign off")
        any_page.get_by_label("Sign-off", exact=True).select_option(state)
        any_page.locator("#sign-off-reason").fill(reason)
        any_page.get_by_role("button", name="Set the sign-off").press("Enter")

    any_page.goto(f"/runs/{run}")
    expect(any_page.locator("#sign-off")).to_have_text("open")
    sign(_SIGNED, "all looked at")
    expect(any_page.locator("#sign-off")).to_have_text(_SIGNED)
    expect(any_page.locator("#quality")).to_contain_text("all looked at")
    sign("complete", "")
    expect(any_page.locator("#sign-off")).to_have_text("complete")
    expect(any_page.locator("#locked")).to_be_visible()
    expect(any_page.locator("#flag")).to_have_count(0)
    opened(any_page, "Changes")
    expect(any_page.get_by_role("button", name="Undo change")).to_have_count(0)
    refused = any_page.request.post(
        f"/runs/{run}/quality/flag",
        form={"detector": "DCH", "value": "bad"},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert refused.status == 409
    assert "its quality is complete" in refused.text()
    sign("open", "")
    expect(any_page.locator("#sign-off")).to_have_text("open")
    assert quality(http, run)["sign_off"] == "open"


def test_what_was_undone_meanwhile_is_told(
    any_page: Page, http: httpx.Client, run: str
) -> None:
    here = f"/api/v1/runs/{run}"
    asked = {"detector": "DCH", "value": "bad"}
    http.post(f"{here}/flags", json=asked).raise_for_status()
    any_page.goto(f"/runs/{run}")
    opened(any_page, "Changes")
    http.post(f"{here}/undo", json={"version": 1}).raise_for_status()
    any_page.get_by_role("button", name="Undo change 1").press("Enter")
    expect(any_page.get_by_role("alert")).to_contain_text("is undone already")


def test_a_comment_being_written_outlives_the_end_of_the_run(
    page: Page, http: httpx.Client
) -> None:
    uid, lines = fresh("scan", "dddd")
    ingest(http, lines[:8])
    page.goto(f"/runs/{uid}")
    expect(page.locator("#connection")).to_have_text("live")
    page.locator("#comment-text").fill("half a sen")
    ingest(http, lines[8:])
    expect(page.locator("#connection")).to_contain_text("the run has stopped")
    expect(page.locator("#status")).to_have_text("success")
    expect(page.locator("#comment-text")).to_have_value("half a sen")


def test_who_may_not_judge_sees_what_others_said_and_no_form(
    http: httpx.Client, run: str
) -> None:
    asked = {"detector": "DCH", "value": "bad"}
    http.post(f"/api/v1/runs/{run}/flags", json=asked).raise_for_status()
    whoever = http.get(f"/api/v1/runs/{run}").json()["owner"]
    wanted = {"user": whoever, "scopes": ["runs:read"]}
    token = http.post("/api/v1/tokens", json=wanted).json()["token"]
    headers = {"authorization": f"Bearer {token}", "accept": "text/html"}
    page = http.get(f"/runs/{run}", headers=headers).text
    assert "<strong>bad</strong>" in page
    assert "/quality/" not in page
    refused = http.post(
        f"/runs/{run}/quality/comment", data={"text": "x"}, headers=headers
    )
    assert refused.status_code == 403
    assert refused.headers["content-type"].startswith("text/html")


def test_whoever_signed_off_cannot_complete_it_and_is_told_so(
    http: httpx.Client, run: str
) -> None:
    whoever = http.get(f"/api/v1/runs/{run}").json()["owner"]
    wanted = {"user": whoever, "scopes": ["runs:read", "runs:annotate"]}
    token = http.post("/api/v1/tokens", json=wanted).json()["token"]
    headers = {"authorization": f"Bearer {token}"}

    def sign(state: str) -> httpx.Response:
        return http.post(
            f"/runs/{run}/quality/sign-off", data={"state": state}, headers=headers
        )

    done = sign(_SIGNED)
    assert (done.status_code, done.headers["location"]) == (303, f"/runs/{run}#quality")
    refused = sign("complete")
    assert refused.status_code == 409
    assert "a second person has to complete it" in refused.text
    assert quality(http, run)["sign_off"] == _SIGNED


def test_a_run_that_is_hidden_from_somebody_has_no_form_for_them(
    http: httpx.Client, run: str
) -> None:
    wanted = {"user": "stranger", "scopes": ["runs:read", "runs:annotate"]}
    token = http.post("/api/v1/tokens", json=wanted).json()["token"]
    headers = {"authorization": f"Bearer {token}", "accept": "text/html"}
    for form in ("flag", "comment", "nonsense"):
        answer = http.post(f"/runs/{run}/quality/{form}", headers=headers)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
    assert quality(http, run)["version"] == 0


def test_a_form_of_another_site_changes_nothing(
    page: Page, http: httpx.Client, run: str
) -> None:
    answer = page.request.post(
        f"/runs/{run}/quality/comment",
        form={"text": "from elsewhere"},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert answer.status == 403
    assert quality(http, run)["version"] == 0


def test_a_run_whose_uid_has_slashes_has_a_page_and_forms(
    any_page: Page, http: httpx.Client
) -> None:
    uid = "of/many parts?"
    start = {"uid": uid, "time": 4.1e9, "plan_name": "slashed"}
    http.post("/api/v1/documents", json=[["start", start]]).raise_for_status()
    any_page.goto("/?q=plan_name = slashed")
    any_page.locator("#runs tbody a").click()
    expect(any_page.locator("main > dl")).to_contain_text(uid)
    before = any_page.locator("#comments li").count()
    any_page.locator("#comment-text").fill("found")
    any_page.get_by_role("button", name="Add the comment").press("Enter")
    expect(any_page.locator("#comments li")).to_have_count(before + 1)


def test_whoever_judged_the_same_meanwhile_is_told_of(
    any_page: Page, http: httpx.Client, run: str
) -> None:
    here = f"/api/v1/runs/{run}"
    any_page.goto(f"/runs/{run}")
    asked = {"detector": "DCH", "value": "bad"}
    http.post(f"{here}/flags", json=asked).raise_for_status()
    flag(any_page, detector="DCH", value="good", comment="looked again")
    expect(any_page.get_by_role("alert")).to_contain_text("judged the same meanwhile")
    expect(rows(any_page)).to_contain_text("bad")
    assert [one["value"] for one in quality(http, run)["flags"]] == ["bad"]
    expect(any_page.locator("#flag-comment")).to_have_value("looked again")
    any_page.get_by_role("button", name="Set the flag").press("Enter")
    expect(rows(any_page)).to_contain_text("good")


def test_what_was_judged_since_is_signed_off_again(
    any_page: Page, http: httpx.Client, run: str
) -> None:
    here = f"/api/v1/runs/{run}"
    http.put(f"{here}/sign-off", json={"state": _SIGNED}).raise_for_status()
    asked = {"detector": "DCH", "value": "bad"}
    http.post(f"{here}/flags", json=asked).raise_for_status()
    any_page.goto(f"/runs/{run}")
    opened(any_page, "Sign off")
    choices = any_page.locator("#sign-off-state option")
    expect(choices).to_have_text([_SIGNED, "open"])
    any_page.get_by_role("button", name="Set the sign-off").press("Enter")
    opened(any_page, "Sign off")
    expect(choices).to_have_text(["complete", "open"])


def test_a_choice_outlives_the_end_of_the_run(page: Page, http: httpx.Client) -> None:
    uid, lines = fresh("scan", "cdef")
    ingest(http, lines[:-1])
    page.goto(f"/runs/{uid}")
    opened(page, "Flag a detector")
    page.get_by_label("Part of the run").select_option("some events")
    ingest(http, lines[-1:])
    expect(page.locator("#connection")).to_contain_text("reload to see all")
    expect(page.get_by_label("Part of the run")).to_have_value("event")
