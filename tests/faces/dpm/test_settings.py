"""What the settings say of acquisitions, through real servers."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.faces.dpm.conftest import Ask, camera, listening, settled, specification

from quire.testing.campaigns.server import ServerProcess
from quire.testing.not_proved import not_proved


@contextlib.contextmanager
def serving(folder: Path, settings: str) -> Iterator[ServerProcess]:
    folder.mkdir()
    (folder / "quire.toml").write_text(settings)
    server = ServerProcess(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def asking(client: httpx.Client, **headers: str) -> Ask:
    def ask(command: str, /, **arguments: Any) -> httpx.Response:
        return client.post(command, json=arguments, headers=headers)

    return ask


def bearer(client: httpx.Client, user: str) -> dict[str, str]:
    """Return the headers of somebody who may have jobs run, and no more."""
    wanted = {"user": user, "scopes": ["jobs:run"]}
    token = client.post("/api/v1/tokens", json=wanted).json()["token"]
    return {"authorization": f"Bearer {token}"}


def test_sources_lie_below_the_declared_roots(tmp_path: Path) -> None:
    roots = tmp_path / "instrument"
    roots.mkdir()
    inside = camera(roots / "a.fits", "CAM")
    outside = camera(tmp_path / "b.fits", "CAM")
    (roots / "trick.fits").symlink_to(outside)
    settings = f'source_roots = ["{roots}"]\n'
    with serving(tmp_path / "data", settings) as server, server.http() as client:
        ask = asking(client, **bearer(client, "guest"))
        for place in (outside, tmp_path / "instrument.fits"):
            refused = ask("/daq/QueueDaq", specification=specification("R.1", place))
            assert refused.status_code == 422
            assert "source_roots" in refused.text
        ask("/daq/QueueDaq", specification=specification("R.2", inside))
        assert settled(ask, "R.2")["subState"] == "Completed"
        trick = specification("R.3", roots / "trick.fits")
        ask("/daq/QueueDaq", specification=trick).raise_for_status()
        blocked = settled(ask, "R.3")
    assert blocked["error"] is True
    assert "leads out of the source_roots" in blocked["alerts"][0]["description"]


@pytest.mark.parametrize("what", ["source", "receiver"])
def test_without_declared_folders_only_the_owner_names_files_of_the_server(
    http: httpx.Client, ask: Ask, tmp_path: Path, what: str
) -> None:
    wanted = specification(f"OWN.{what}", camera(tmp_path / "a.fits", "CAM"))
    if what == "receiver":
        wanted["receivers"] = [{"type": "folderReceiver", "path": str(tmp_path)}]
    guest = asking(http, **bearer(http, "guest"))
    refused = guest("/daq/QueueDaq", specification=wanted)
    assert refused.status_code == 422
    assert "declared" in refused.json()["message"]
    assert guest("/daq/GetArchivedDaqStatus", id=wanted["id"]).status_code == 404
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    assert settled(ask, wanted["id"])["subState"] == "Completed"


def test_space_that_is_kept_free_is_not_given_away(tmp_path: Path) -> None:
    wanted = specification("FREE.1", camera(tmp_path / "a.fits", "CAM"))
    settings = f"[acquisitions]\nkeep_free = {2**62}\nstorage_interval = 0.05\n"
    with serving(tmp_path / "data", settings) as server, server.http() as client:
        ask = asking(client)
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        with listening(client, "/daq/status") as events:
            status = next(
                data
                for _, _, data in events
                if data["id"] == "FREE.1" and data["alerts"]
            )
        assert (status["subState"], status["error"]) == ("Scheduled", False)
        assert [alert["id"] for alert in status["alerts"]] == ["low_space"]
        with listening(client, "/dpm/storage") as events:
            times = [next(events)[2]["timestamp"] for _ in range(5)]
    assert len(set(times)) == 5


def test_dictionaries_may_lie_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "facility"
    folder.mkdir()
    (folder / "cam.did.toml").write_text('[keywords.INSTRUME]\ntype = "string"\n')
    wanted = specification(
        "DICT.2", camera(tmp_path / "a.fits", "CAM"), keywordDictionaries=["cam.did"]
    )
    odd = {"type": "valueKeyword", "name": "ODD", "value": 1}
    keywords = {"type": "fitsKeywords", "sourceName": "ocm", "keywords": [odd]}
    settings = f'[acquisitions]\ndictionaries = "{folder}"\n'
    with serving(tmp_path / "data", settings) as server, server.http() as client:
        ask = asking(client)
        bad = {**wanted, "sources": [*wanted["sources"], keywords]}
        assert ask("/daq/QueueDaq", specification=bad).status_code == 422
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        status = settled(ask, "DICT.2")  # by a worker, in another process
    assert "cam.did" in status["alerts"][0]["description"]


@pytest.mark.parametrize(
    "line", ["retention = 0", "storage_interval = -1", "keep_free = -1", "odd = 1"]
)
def test_settings_that_cannot_be_are_named(tmp_path: Path, line: str) -> None:
    with (
        pytest.raises(RuntimeError, match=line.partition(" ")[0]),
        serving(tmp_path / "data", f"[acquisitions]\n{line}\n"),
    ):
        pass


def test_a_symbolic_link_leads_to_the_published_product(
    ask: Ask, server: ServerProcess, tmp_path: Path
) -> None:
    other = Path("/dev/shm")  # noqa: S108 - a file system beside that of the tests
    if other.stat().st_dev == tmp_path.stat().st_dev:
        why, mend = "all is one file system here", "mount /dev/shm"
        pytest.skip(not_proved("a symbolic link to a product", why=why, mend=mend))
    with tempfile.TemporaryDirectory(dir=other) as archive:
        receiver = {"type": "olasReceiver", "path": archive}
        source = camera(tmp_path / "a.fits", "CAM")
        wanted = specification("SYM.1", source, receivers=[receiver])
        ask("/daq/QueueDaq", specification=wanted).raise_for_status()
        assert settled(ask, "SYM.1")["subState"] == "Completed"
        link = Path(archive) / "SYM.1.fits"
        assert link.is_symlink()
        assert link.samefile(server.folder / "products" / "SYM.1.fits")
