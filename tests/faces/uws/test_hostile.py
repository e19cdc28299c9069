"""Whatever is sent, the answer is a refusal or a success, never a failure of ours."""

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.testing.campaigns.server import ServerProcess

DATES = (
    "0000-00-00", "9999-12-31T23:59:59.999999999999Z", "0001-01-01T00:00:00",
    "-2015", "2015-02-30", "20151301", "2015-10-26T25:00:00", "2015-10-26T09:60",
    "٢٠١٥", "2015-10-26T09:15:35+01:00", "2015-10-26T09:15:35,5", "1e309", "T",
    "2016-12-31T23:59:60Z",
)  # fmt: skip
NUMBERS = ("-1", "0", "1" * 5000, "9" * 19, "1e3", "0x10", "٣", "NaN", "inf", "-0",
           "1_000", " 1 ", "2147483648")  # fmt: skip
WORDS = ("RUN", "ABORT", "DELETE", "PENDING", "pending ", "\0", "\x1b", "\ufffe", "",
         "x" * 70_000, "]]>", "<a>", "%00", "\u202e", "🙈", "'; DROP TABLE job; --",
         "-rf", "{TEXT}", "/etc/passwd", "param:FILE", "T1,param:none", "a,b;c,d")  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(DATES),
    st.sampled_from(NUMBERS),
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
NAMES = st.one_of(
    st.sampled_from(
        ["PHASE", "phase", "RUNID", "ACTION", "EXECUTIONDURATION", "DESTRUCTION",
         "Destruction", "UPLOAD", "WAIT", "LAST", "AFTER", "SECONDS", "seconds",
         "STEPS", "FAIL", "TEXT", "FILE", "MORE", "LEVEL", "MODE", "ON", "VALUE"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)  # fmt: skip
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=5)
KINDS = st.sampled_from(["wait", "echo", "merge", "none", "%00", ".."])
PARTS = st.sampled_from(
    ["", "/phase", "/executionduration", "/destruction", "/quote", "/owner", "/error",
     "/parameters", "/parameters/TEXT", "/parameters/%00", "/results", "/results/said",
     "/results/..%2f..", "/nothing"]
)  # fmt: skip
HOSTILE = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def pending(served: ServerProcess) -> dict[str, str]:
    with served.http() as client:
        return {
            kind: client.post(f"/uws/{kind}/jobs", data=fields).headers["location"]
            for kind, fields in (("wait", {}), ("echo", {"TEXT": "a"}))
        }


def assert_sane(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.text.strip()


@given(kind=KINDS, fields=FIELDS, multipart=st.booleans())
@HOSTILE
def test_creation(
    uws: httpx.Client, kind: str, fields: list[tuple[str, str]], *, multipart: bool
) -> None:
    form: dict[str, list[str]] = {}
    for name, value in fields:
        form.setdefault(name, []).append(value)
    files = {"other": b"\0\xff"} if multipart else None
    assert_sane(uws.post(f"/uws/{kind}/jobs", data=form, files=files))


@given(kind=KINDS, fields=FIELDS)
@HOSTILE
def test_lists(uws: httpx.Client, kind: str, fields: list[tuple[str, str]]) -> None:
    short = httpx.QueryParams([(name, value[:5000]) for name, value in fields])
    assert_sane(uws.get(f"/uws/{kind}/jobs", params=short))


@given(
    kind=st.sampled_from(["wait", "echo"]),
    part=PARTS,
    method=st.sampled_from(["GET", "POST", "PUT"]),
    fields=FIELDS,
)
@HOSTILE
def test_resources(
    uws: httpx.Client,
    pending: dict[str, str],
    kind: str,
    part: str,
    method: str,
    fields: list[tuple[str, str]],
) -> None:
    fields = [one for one in fields if one[0].upper() not in ("WAIT", "ACTION")]
    url = pending[kind] + part
    if method == "GET":
        short = httpx.QueryParams([(name, value[:5000]) for name, value in fields])
        answer = uws.get(url, params=short)
    else:
        answer = uws.request(method, url, data=dict(fields))
    assert_sane(answer)
    assert uws.get(pending[kind]).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"\xff\xfe"),
        ("application/x-www-form-urlencoded", b"TEXT=%ff"),
        ("application/x-www-form-urlencoded", b"a=1&" * 2000),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\ngarbage"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--"),
        ("multipart/form-data; boundary=", b""),
        ("multipart/form-data; boundary=x; charset=wat", b"--x--"),
        ("application/json", b"{}"),
        ("\xff", b"x"),
    ],
)
def test_bodies(
    uws: httpx.Client, pending: dict[str, str], content_type: str, body: bytes
) -> None:
    headers = [(b"content-type", content_type.encode("latin-1"))]
    for path in ("/uws/echo/jobs", f"{pending['echo']}/parameters"):
        answer = uws.post(path, content=body, headers=headers)
        assert_sane(answer)


def test_a_giant_value_is_refused(uws: httpx.Client) -> None:
    answer = uws.post("/uws/echo/jobs", data={"TEXT": "x" * 20_000_000})
    assert answer.status_code == 413
    answer = uws.post("/uws/echo/jobs", data={"TEXT": "x" * 2_000_000})
    assert answer.status_code == 422
