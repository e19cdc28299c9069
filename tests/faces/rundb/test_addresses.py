"""Where links of the RunDB face lead: clients send their token after them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.testing.campaigns.server import ServerProcess

SECRET = "a-secret-of-the-proxy"  # noqa: S105 - of this test alone
PROXY = f"""
[proxy]
addresses = ["127.0.0.1"]
secret = "{SECRET}"
hosts = ["quire.example.org"]
"""
FORWARDED = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "quire.example.org",
}


@pytest.fixture(params=["proxy", "public_url"])
def process(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[ServerProcess, bool]]:
    folder = tmp_path / "data"
    folder.mkdir()
    named = request.param == "public_url"
    public = 'public_url = "https://runs.example.org/quire/"\n' if named else ""
    (folder / "quire.toml").write_text(public + PROXY)
    one = ServerProcess(folder)
    one.start()
    try:
        yield one, named
    finally:
        one.stop()


def test_links_lead_to_where_the_client_asked(
    process: tuple[ServerProcess, bool],
) -> None:
    server, named = process
    proxied, direct = "https://quire.example.org", server.address.url
    if named:
        proxied = direct = "https://runs.example.org/quire"
    with server.http() as http:
        starts = [["start", {"uid": f"run-{n}", "time": 1.0 + n}] for n in range(2)]
        http.post("/api/v1/documents", json=starts).raise_for_status()
        for headers, base in (
            ({}, direct),
            (FORWARDED, direct),
            ({**FORWARDED, "x-quire-proxy-secret": "another"}, direct),
            ({**FORWARDED, "x-quire-proxy-secret": SECRET}, proxied),
        ):
            page = http.get("/rest/v1/runs/", params={"limit": 1}, headers=headers)
            found = page.json()
            assert found["next"].startswith(f"{base}/rest/v1/runs/?")
            assert found["results"][0]["url"] == f"{base}/rest/v1/runs/run-0/"
            described = http.get("/rest/v1/swagger/", headers=headers).json()
            assert described["servers"] == [{"url": base}]
