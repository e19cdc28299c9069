"""Products: turned over page by page, seen by who sees the run, and taken away."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.kinds.test_project import Place, linked, run_of

from quire.client.tokens import create
from quire.testing.documents import make_uid
from quire.testing.fits_files import image_file
from quire.testing.waiting import until

ENTRIES = {"/entry/a": linked("a")}
KEEP = """
[commands.keep]
program = "/bin/cp"
arguments = ["{FILE}", "kept"]
parameters = [{name = "FILE", type = "file", required = true}]
results = [{id = "kept", file = "kept"}]
"""

User = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("products"), settings=KEEP)
    yield made
    made.server.stop()


@pytest.fixture
def user(place: Place) -> Iterator[User]:
    """Return what makes a client of a user."""
    opened: list[httpx.Client] = []

    def log_in(name: str, *groups: str, scopes: tuple[str, ...] = ()) -> httpx.Client:
        wanted = scopes or (
            "runs:read",
            "runs:ingest",
            "jobs:run",
            "products:read",
            "products:write",
        )
        made = create(place.connection, name, groups=list(groups), scopes=list(wanted))
        client = place.server.http()
        client.headers["authorization"] = f"Bearer {made['token']}"
        opened.append(client)
        return client

    yield log_in
    for one in opened:
        one.close()


def made_by(client: httpx.Client, run: str, form: str = "csv") -> dict[str, Any]:
    given = {"RUN": run, "PROJECTION": "own", "FORMAT": form}
    wanted = {"kind": "project", "parameters": given, "run": True}
    job = client.post("/api/v1/jobs", json=wanted).raise_for_status().json()
    job = done(client, job)
    found: dict[str, Any] = client.get(f"/api/v1/products/{job['id']}").json()
    return found


def done(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job once it is over."""
    while job["phase"] in ("QUEUED", "EXECUTING"):
        job = client.get(f"/api/v1/jobs/{job['id']}", params={"wait": 10}).json()
    assert job["phase"] == "COMPLETED", job
    return job


def send(client: httpx.Client, seed: str, **start: Any) -> str:
    kind = {"content-type": "application/x-ndjson"}
    body = run_of(seed, ENTRIES, **start)
    client.post("/api/v1/documents", content=body, headers=kind).raise_for_status()
    return make_uid(seed, "start")


def ids(client: httpx.Client, **query: Any) -> list[str]:
    answer = client.get("/api/v1/products", params=query).raise_for_status()
    return [one["id"] for one in answer.json()["products"]]


def test_all_products_come_page_by_page(user: User) -> None:
    pat = user("pat")
    made = [made_by(pat, send(pat, f"page {number}"))["id"] for number in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    pages = 0
    while True:
        answer = pat.get("/api/v1/products", params={"limit": 2, **cursor}).json()
        found += [one["id"] for one in answer["products"]]
        pages += 1
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    assert (found, pages) == (made[::-1], 3)
    assert pat.get("/api/v1/products?cursor=x").status_code == 422


def test_a_product_is_taken_away_by_its_owner_alone(place: Place, user: User) -> None:
    ann, bob = user("ann", "beam"), user("bob", "beam")
    run = send(ann, "taken", owner="ann", data_groups=["beam"])
    made = made_by(ann, run)
    path = f"/api/v1/products/{made['id']}"
    files = [place.server.folder / made[name] for name in ("file", "manifest")]
    files.append(files[0].with_name(files[0].name + ".prov.json"))
    assert all(one.is_file() for one in files)
    assert bob.get(path).status_code == 200
    assert bob.delete(path).status_code == 403
    assert user("eve").delete(path).status_code == 404
    weak = user("ann", scopes=("products:read",))
    assert weak.delete(path).status_code == 403

    gone = ann.delete(path, params={"reason": "wrong sample"})

    assert gone.status_code == 200
    assert gone.json()["removed"]["by"] == "ann"
    assert not any(one.exists() for one in files)
    for one in (path, f"{path}/file", f"{path}/manifest"):
        answer = ann.get(one)
        assert answer.status_code == 404
        assert "ann has taken it away on" in answer.json()["detail"]
        assert "wrong sample" in answer.json()["detail"]
    assert ids(ann, run=run) == []
    (kept,) = ann.get("/api/v1/products", params={"removed": "true"}).json()["products"]
    assert kept["removed"]["reason"] == "wrong sample"
    assert ann.get(f"/api/v1/runs/{run}").json()["products"] == []
    results = ann.get(f"/api/v1/jobs/{made['id']}/results").json()["results"]
    assert "result" not in [one["id"] for one in results]
    again = ann.delete(path)
    assert again.json()["removed"] == gone.json()["removed"]
    assert made_by(ann, run)["file"] == made["file"]
    assert files[0].is_file()


def test_of_one_that_is_gone_the_name_may_be_anothers(
    place: Place, tmp_path: Path
) -> None:
    source = image_file(tmp_path / "a.fits", names=("A",))
    camera = {"type": "fitsFile", "sourceName": "cam", "location": str(source)}
    wanted = {"id": "again", "target": {"fileId": "again"}, "sources": [camera]}
    job = {"kind": "merge", "parameters": {"SPECIFICATION": wanted}, "run": True}
    with place.server.http() as ann:
        first = done(ann, ann.post("/api/v1/jobs", json=job).raise_for_status().json())
        path = f"/api/v1/products/{first['product']}"
        assert ann.post(f"/api/v1/jobs/{first['id']}/retry").status_code == 409

        ann.delete(path).raise_for_status()
        retried = (
            ann.post(f"/api/v1/jobs/{first['id']}/retry").raise_for_status().json()
        )
        second = done(ann, retried)
        ann.delete(path).raise_for_status()

        made = ann.get(f"/api/v1/products/{second['product']}").json()
        assert (place.server.folder / made["file"]).is_file()


def test_a_file_stays_while_it_is_another_product_too(place: Place, user: User) -> None:
    ann, bob = user("ann", "beam"), user("bob", "beam")
    run = send(ann, "shared", owner="ann", data_groups=["beam"])
    first, second = made_by(ann, run), made_by(bob, run)
    assert first["file"] == second["file"]
    file = place.server.folder / first["file"]

    ann.delete(f"/api/v1/products/{first['id']}").raise_for_status()

    assert file.is_file()
    assert bob.get(f"/api/v1/products/{second['id']}/file").content == file.read_bytes()
    bob.delete(f"/api/v1/products/{second['id']}").raise_for_status()
    assert not file.exists()


def test_who_sees_a_run_can_send_its_products_on(user: User) -> None:
    ann, bob, eve = user("ann", "beam"), user("bob", "beam"), user("eve")
    run = send(ann, "sent on", owner="ann", data_groups=["beam"])
    made = made_by(ann, run)
    given = {"FILE": f"/api/v1/products/{made['id']}/file", "PHASE": "RUN"}

    job = bob.post("/uws/keep/jobs", data=given)

    assert job.status_code == 303, job.text
    place = job.headers["location"]
    until(lambda: bob.get(f"{place}/phase").text == "COMPLETED")
    whole = ann.get(f"/api/v1/products/{made['id']}/file").content
    assert bob.get(f"{place}/results/kept").content == whole
    assert eve.post("/uws/keep/jobs", data=given).status_code == 404
