import pytest
from starlette.requests import Request

from quire.errors import InputError
from quire.web.negotiation import (
    NotAcceptable,
    UnsupportedBody,
    answer_form,
    body_type,
)

FORMS = {"application/x-ndjson": "ndjson", "application/json": "json", "a/b": "ab"}


def request(query: str = "", **headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode())
                for name, value in headers.items()
            ],
        }
    )


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "ndjson"),
        ("*/*", "ndjson"),
        ("application/json", "json"),
        ("Application/JSON", "json"),
        ("application/json;q=0.5, a/b", "ab"),
        ("application/json;q=0, */*;q=0.1", "ndjson"),
        ("a/*", "ab"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "ndjson"),
        ("application/json;q=nonsense", "json"),
        ("application/json; charset=utf-8", "json"),
    ],
)
def test_the_best_form_is_given(accept: str, form: str) -> None:
    assert answer_form(request(accept=accept), FORMS) == form


def test_what_is_asked_for_wins() -> None:
    assert answer_form(request("format=ab", accept="text/html"), FORMS) == "ab"
    with pytest.raises(InputError, match="one of ndjson, json, ab"):
        answer_form(request("format=pickle"), FORMS)


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "application/json;q=0"])
def test_nothing_acceptable_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        answer_form(request(accept=accept), FORMS)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("application/json", "application/json"),
        ("application/json; charset=UTF-8", "application/json"),
        ('application/json;charset="utf-8"', "application/json"),
        ("application/problem+json", "application/json"),
        ("", "a/b"),
    ],
)
def test_bodies_are_known_by_their_type(given: str, found: str) -> None:
    taken = ["application/json", "a/b"]
    assert body_type(request(content_type=given), taken, default="a/b") == found
    assert body_type(request(), taken, default="a/b") == "a/b"


@pytest.mark.parametrize(
    "given", ["text/xml", "application/json; charset=utf-16", "nonsense", ";"]
)
def test_other_bodies_are_refused_with_the_mend(given: str) -> None:
    with pytest.raises(UnsupportedBody) as refusal:
        body_type(request(content_type=given), ["application/json"], default="a/b")
    assert refusal.value.mend
