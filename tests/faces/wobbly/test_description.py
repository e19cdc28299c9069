import httpx

from quire.faces.wobbly.wire import front
from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE


def test_the_face_is_described(server: ServerProcess) -> None:
    base = server.address.url
    document = httpx.get(f"{base}/wobbly/openapi.json", timeout=PATIENCE).json()
    assert set(document["paths"]) == {
        "/wobbly/jobs",
        "/wobbly/jobs/{job_id}",
        "/wobbly/admin/jobs",
        "/wobbly/admin/services",
        "/wobbly/admin/services/{service}/users",
        "/wobbly/admin/services/{service}/users/{user}/jobs",
        "/wobbly/admin/services/{service}/users/{user}/jobs/{job_id}",
        "/wobbly/admin/users",
        "/wobbly/admin/users/{user}/jobs",
    }
    assert set(document["paths"]["/wobbly/jobs/{job_id}"]) == {"get", "patch", "delete"}
    answers = document["paths"]["/wobbly/jobs"]["post"]["responses"]
    assert "201" in answers
    for page in ("docs", "redoc"):
        assert (
            httpx.get(f"{base}/wobbly/{page}", timeout=PATIENCE).headers["location"]
            == "/docs"
        )


def test_the_front_says_what_safir_reads() -> None:
    told = front(
        name="quire", version="1", description="d", documentation_url="https://x/docs"
    )
    assert set(told) == {
        "name", "version", "description", "repository_url", "documentation_url",
    }  # fmt: skip
