import re
from collections.abc import Callable
from itertools import chain

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.faces.wobbly.links import Cursor, read_cursor, write_cursor

Make = Callable[..., str]
CURSOR = re.compile(r"p?\d+_\d+")


def ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [int(job["id"]) for job in answer.json()]


def rels(answer: httpx.Response) -> list[str]:
    return re.findall(r'rel="(\w+)"', answer.headers.get("link", ""))


def test_everything_newest_first_without_links(
    wobbly: httpx.Client, make: Make
) -> None:
    made = [int(make()) for _ in range(5)]
    answer = wobbly.get("/jobs")
    assert ids(answer) == made[::-1]
    assert "link" not in answer.headers
    assert "x-total-count" not in answer.headers
    assert answer.headers["content-type"] == "application/json"


def test_an_empty_page_still_has_its_first_link(wobbly: httpx.Client) -> None:
    assert wobbly.get("/jobs").json() == []
    answer = wobbly.get("/jobs?limit=1")
    assert answer.json() == []
    url = f"{wobbly.base_url}jobs?limit=1"
    assert answer.headers["link"] == f'<{url}>; rel="first"'


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_forth_and_back(wobbly: httpx.Client, make: Make, limit: int) -> None:
    made = [int(make()) for _ in range(7)][::-1]
    pages = [made[start : start + limit] for start in range(0, 7, limit)]
    answer = wobbly.get("/jobs", params={"limit": limit, "phase": "PENDING"})
    seen = [ids(answer)]
    first = answer.links["first"]["url"]
    while "next" in answer.links:
        assert CURSOR.search(answer.links["next"]["url"])
        assert "phase=PENDING" in answer.links["next"]["url"]
        answer = wobbly.get(answer.links["next"]["url"])
        assert rels(answer)[:1] == ["first"]
        assert answer.links["first"]["url"] == first
        assert "prev" in answer.links
        seen.append(ids(answer))
    assert seen == pages
    back = [pages[-1]]
    while "prev" in answer.links:
        answer = wobbly.get(answer.links["prev"]["url"])
        assert "next" in answer.links
        back.insert(0, ids(answer))
    assert list(chain.from_iterable(back)) == made


def test_a_forward_cursor_includes_its_row_and_needs_no_limit(
    wobbly: httpx.Client, make: Make
) -> None:
    made = [int(make()) for _ in range(4)]
    answer = wobbly.get("/jobs?limit=2")
    cursor = answer.links["next"]["url"].partition("cursor=")[2]
    rest = wobbly.get("/jobs", params={"cursor": cursor})
    assert ids(rest) == [made[1], made[0]]
    assert rels(rest) == ["first", "prev"]
    newer = wobbly.get("/jobs", params={"cursor": f"p{cursor}"})
    assert ids(newer) == [made[3], made[2]]
    assert rels(newer) == ["first", "next"]


def test_long_lists_come_in_chunks_that_join(wobbly: httpx.Client, make: Make) -> None:
    made = [int(make()) for _ in range(405)][::-1]
    assert ids(wobbly.get("/jobs")) == made
    some = wobbly.get("/jobs?limit=250")
    assert ids(some) == made[:250]
    rest = wobbly.get(some.links["next"]["url"])
    assert ids(rest) == made[250:]
    assert rels(rest) == ["first", "prev"]
    back = wobbly.get(rest.links["prev"]["url"])
    assert ids(back) == made[:250]
    assert rels(back) == ["first", "next"]


def test_phases_are_joined(wobbly: httpx.Client, make: Make) -> None:
    made = [make() for _ in range(4)]
    wobbly.patch(f"/jobs/{made[1]}", json={"phase": "ABORTED"})
    wobbly.patch(f"/jobs/{made[2]}", json={"phase": "QUEUED", "message_id": None})
    both = wobbly.get("/jobs?phase=ABORTED&phase=QUEUED")
    assert ids(both) == [int(made[2]), int(made[1])]
    assert ids(wobbly.get("/jobs?phase=ABORTED")) == [int(made[1])]
    assert ids(wobbly.get("/jobs?phase=ARCHIVED")) == []


def test_since_is_strict(wobbly: httpx.Client, make: Make) -> None:
    number = make()
    created = wobbly.get(f"/jobs/{number}").json()["creation_time"]
    assert ids(wobbly.get("/jobs", params={"since": created})) == []
    assert ids(wobbly.get("/jobs", params={"since": "2026-01-01T00:00:00Z"})) == [
        int(number)
    ]


@pytest.mark.parametrize(
    ("query", "where", "kind"),
    [
        ("limit=0", ["query", "limit"], "greater_than_equal"),
        ("limit=-1", ["query", "limit"], "greater_than_equal"),
        ("limit=x", ["query", "limit"], "int_parsing"),
        ("limit=", ["query", "limit"], "int_parsing"),
        ("limit=%D9%A3", ["query", "limit"], "int_parsing"),
        ("phase=DONE", ["query", "phase", 0], "enum"),
        ("phase=PENDING&phase=pending", ["query", "phase", 1], "enum"),
        ("since=yesterday", ["query", "since"], "datetime_parsing"),
        ("cursor=", ["query", "cursor"], "invalid_cursor"),
        ("cursor=x_1", ["query", "cursor"], "invalid_cursor"),
        ("cursor=1_x", ["query", "cursor"], "invalid_cursor"),
        ("cursor=q1_1", ["query", "cursor"], "invalid_cursor"),
        ("cursor=1_1%00", ["query", "cursor"], "invalid_cursor"),
        (f"cursor=1_{'9' * 30}", ["query", "cursor"], "invalid_cursor"),
    ],
)
def test_parameters_that_are_wrong_are_told(
    wobbly: httpx.Client, query: str, where: list[object], kind: str
) -> None:
    answer = wobbly.get(f"/jobs?{query}")
    assert answer.status_code == 422
    (told,) = answer.json()["detail"]
    assert (told["loc"], told["type"]) == (where, kind)


def test_a_limit_may_be_enormous(wobbly: httpx.Client, make: Make) -> None:
    made = int(make())
    assert ids(wobbly.get(f"/jobs?limit={10**40}")) == [made]


def test_nobody_sees_the_jobs_of_another_service_or_user(
    service: Callable[..., httpx.Client], make: Make
) -> None:
    number = make()
    make()
    for other in (service("other"), service(user="somebody-else")):
        assert other.get("/jobs").json() == []
        for method in ("GET", "DELETE"):
            unknown = other.request(method, f"/jobs/{number}")
            assert unknown.status_code == 404
        answer = other.patch(f"/jobs/{number}", json={"phase": "ABORTED"})
        assert answer.status_code == 404
        assert answer.json()["detail"][0]["type"] == "unknown_job"


@given(
    st.integers(0, 10**12 - 1) | st.sampled_from([1.5, 1732.25]),
    st.integers(1, 10**18 - 1),
    st.booleans(),
)
def test_cursors_are_read_as_they_are_written(
    created: float, number: int, previous: bool
) -> None:
    cursor = Cursor(place=(float(created), number), previous=previous)
    text = write_cursor(cursor)
    assert ("." in text) is (float(created) != int(created))
    assert read_cursor(text) == cursor


@given(st.text() | st.from_regex(r"p?[0-9.]*_[0-9]*", fullmatch=True))
def test_any_text_is_a_cursor_or_none(text: str) -> None:
    cursor = read_cursor(text)
    assert cursor is None or read_cursor(write_cursor(cursor)) is not None
