"""Files that come with a job: inline, by reference, and where they may lie."""

from typing import Any

import httpx
import pytest
from tests.faces.uws.test_service import UWS, Judge, ended

from quire.testing.campaigns.server import ServerProcess


def test_files_come_inline_and_by_reference(uws: httpx.Client, judge: Judge) -> None:
    def sent(data: dict[str, str], files: dict[str, Any] | None) -> str:
        answer = uws.post("/uws/echo/jobs", data={**data, "PHASE": "RUN"}, files=files)
        assert answer.status_code == 303, answer.text
        job = str(answer.headers["location"])
        assert ended(uws, job) == "COMPLETED"
        return job

    part = ("a.txt", b"in a file", "text/plain")
    first = sent({"TEXT": "one"}, {"FILE": part})
    assert uws.get(f"{first}/results/said").text == "one\nin a file"
    tree = judge(uws.get(first).content)
    shown = {one.get("id"): one for one in tree.find(f"{UWS}parameters")}
    assert shown["FILE"].get("byReference") == "true"
    assert uws.get(shown["FILE"].text).text == "in a file"
    second = sent({"TEXT": "two", "UPLOAD": "file,param:p"}, {"p": part})
    assert uws.get(f"{second}/results/said").text == "two\nin a file"
    third = sent({"FILE": f"{first}/results/said"}, None)
    assert uws.get(f"{third}/results/said").text == "one\nin a file"
    result = judge(uws.get(f"{third}/results").content)[0]
    assert result.get("id") == "said"
    assert result.get("mime-type") == "text/plain"
    assert int(result.get("size")) == len("one\nin a file")
    again = uws.post(f"/api/v1/jobs/{first.rpartition('/')[2]}/retry").json()["id"]
    uws.delete(first)
    assert ended(uws, f"/uws/echo/jobs/{again}") == "COMPLETED"


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "http://127.0.0.1:1/uws/echo/jobs/1/results/x",
        "/etc/passwd",
        "/uws/echo/jobs/../../../../quire.toml",
        "//[",
        "param:nothing",
        "ftp://127.0.0.1/x",
        "/uws/echo/jobs/nothing/results/said",
    ],
)
def test_other_addresses_are_not_followed(uws: httpx.Client, address: str) -> None:
    for fields in ({"FILE": address}, {"UPLOAD": f"FILE,{address}"}):
        answer = uws.post("/uws/echo/jobs", data=fields)
        assert answer.status_code in (404, 422), answer.text


def test_an_upload_cannot_choose_its_place(
    uws: httpx.Client, served: ServerProcess
) -> None:
    part = ("../../evil", b"evil", "text/plain")
    for name in ("../../../../EVIL", "/EVIL", "EVIL", "%2e%2e/EVIL"):
        fields = {"UPLOAD": f"{name},param:p"}
        answer = uws.post("/uws/echo/jobs", data=fields, files={"p": part})
        assert answer.status_code == 422, answer.text
        answer = uws.post("/uws/echo/jobs", data={"TEXT": "a"}, files={name: part})
        assert answer.status_code == 422, answer.text
    assert not [
        path for path in served.folder.rglob("*") if "evil" in path.name.lower()
    ]
