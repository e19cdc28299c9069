import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transfer.serving import Store, serving

from quire.ports.transfer import TransferProblem
from quire.transfer.http import HttpTransfer, below

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def store() -> Iterator[Store]:
    with serving() as found:
        found.files["/raw/a.fits"] = CONTENT
        yield found


def fetch(store: Store, path: Path, name: str = "/raw/a.fits") -> str:
    transfer = HttpTransfer([f"{store.url}/raw/"])
    fetched = transfer.fetch(
        f"{store.url}{name}", path, private=True, proceed=lambda _: None
    )
    return fetched.stamp


def test_it_fetches(store: Store, tmp_path: Path) -> None:
    stamp = fetch(store, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    transfer = HttpTransfer([f"{store.url}/raw/"])
    assert transfer.stamp(f"{store.url}/raw/a.fits") == stamp
    store.files["/raw/a.fits"] = CONTENT[::-1]
    assert transfer.stamp(f"{store.url}/raw/a.fits") != stamp


def test_a_broken_transfer_goes_on_where_it_ended(store: Store, tmp_path: Path) -> None:
    store.cut = 2

    fetch(store, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == CONTENT
    ranges = [asked for _, _, asked in store.asked]
    assert ranges[0] == ""
    assert all(asked.startswith("bytes=") for asked in ranges[1:])
    assert len(ranges) == 3


def test_a_source_that_changed_in_between_is_fetched_anew(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / ".a.stamp").write_text('"other" - 3000000')

    fetch(store, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(store: Store, tmp_path: Path) -> None:
    store.busy = 1

    fetch(store, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_redirects_are_never_followed(store: Store, tmp_path: Path) -> None:
    with serving() as inside:
        inside.files["/secret"] = b"secret"
        store.redirects["/raw/b.fits"] = f"{inside.url}/secret"
        with pytest.raises(TransferProblem, match="not followed"):
            fetch(store, tmp_path / "b", "/raw/b.fits")
        assert inside.asked == []


def test_what_is_missing_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(TransferProblem, match="there is no such file"):
        fetch(store, tmp_path / "b", "/raw/b.fits")


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with serving() as gone:
        url = gone.url
    transfer = HttpTransfer([url])
    with pytest.raises(TransferProblem, match="cannot be reached"):
        transfer.fetch(f"{url}/a", tmp_path / "a", private=True, proceed=lambda _: None)


def test_what_is_not_listed_is_not_asked_for(store: Store, tmp_path: Path) -> None:
    store.files["/other/a.fits"] = b"secret"
    for name in ("/other/a.fits", "/raw/../other/a.fits", "/raw/%2e%2e/other/a.fits"):
        with pytest.raises(TransferProblem, match="may not be fetched"):
            fetch(store, tmp_path / "a", name)
    assert store.asked == []


@pytest.mark.parametrize(
    "location",
    [
        "http://archive.example.evil/raw/a",
        "http://archive.example@evil/raw/a",
        "http://user@archive.example/raw/a",
        "http://archive.example:81/raw/a",
        "https://archive.example/raw/a",
        "http://archive.example/rawer/a",
        "http://archive.example/raw/..%2fa",
        "http://archive.example/raw/a\\..\\b",
        "http://archive.example/raw/%00",
        "http://[::1]/raw/a",
        "http://2130706433/raw/a",
        "http://[/raw/a",
        "file:///raw/a",
        "gopher://archive.example/raw/a",
        "http://archive.example/raw/a#b",
    ],
)
def test_tricks_do_not_lead_elsewhere(location: str) -> None:
    assert not below(location, "http://archive.example/raw/")
    assert below("http://archive.example/raw/2026/a.fits", "http://archive.example/raw")
