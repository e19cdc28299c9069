"""Collecting: sources stay as they are, and what happens to them is noticed."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kinds.working import Attempt
from tests.transfer.serving import serving
from tests.writers.fits.judging import judge

from quire.errors import AttemptLost
from quire.jobs.job import Blocked, Completed, Outcome, Severity
from quire.kinds.merge.collecting import Collecting
from quire.kinds.merge.marks import RowMarks
from quire.kinds.merge.outcomes import Stuck
from quire.kinds.merge.slots import HostSlots
from quire.products.specification import parse_specification
from quire.testing.fits_files import image_file, keyword_list, specification
from quire.transfer.kinds import merge_kind
from quire.transfer.local import LocalTransfer
from quire.writers.fits.folder_publisher import FolderPublisher
from quire.writers.fits.verify import verify

# Three such files are too large to be held in memory.
LARGE = (1200, 1200)


def files(folder: Path, shape: tuple[int, int] = (64, 48)) -> dict[str, Path]:
    place = folder / "instrument"
    place.mkdir()
    return {
        name: image_file(
            place / f"{name}.fits", names=(name,), shape=shape, seed=number
        )
        for number, name in enumerate(("blue", "red", "own"))
    }


def seen(paths: dict[str, Path]) -> dict[str, tuple[str, int, int, int]]:
    return {
        name: (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_size,
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for name, path in paths.items()
    }


def in_place(paths: dict[str, Path]) -> dict[str, Any]:
    others = {name: path for name, path in paths.items() if name != "own"}
    raw = specification(others)
    raw["sources"][0]["keywords"] += keyword_list(300)
    own = {"type": "fitsFile", "sourceName": "own", "location": str(paths["own"])}
    return {**raw, "target": {**raw["target"], "source": own}}


def published(outcome: Outcome, folder: Path) -> Path:
    assert isinstance(outcome, Completed), outcome
    assert outcome.product is not None
    publisher = FolderPublisher(folder)
    publisher.publish(outcome.product)
    product = folder / publisher.destination(outcome.product)[0]
    assert verify(product).problems == ()
    return product


@pytest.mark.usefixtures("unjudged")
def test_no_source_is_ever_changed(tmp_path: Path) -> None:
    paths = files(tmp_path)
    before = seen(paths)
    attempt = Attempt(tmp_path, in_place(paths))

    product = published(attempt.kind.work(attempt), tmp_path)

    judge(product)
    assert seen(paths) == before
    # What a product holds is never the file of a source under another name.
    assert product.stat().st_ino not in {path.stat().st_ino for path in paths.values()}
    product.write_bytes(b"")
    assert seen(paths) == before
    assert attempt.steps == ["Collecting", "Merging"]


def test_what_was_collected_is_in_one_folder(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path, specification(files(tmp_path)))
    published(attempt.kind.work(attempt), tmp_path)

    left = [path for path in (tmp_path / "jobs").rglob("*") if path.is_file()]
    assert {path.parent.name for path in left} == {"done"}  # the server removes it


def test_every_bad_source_has_its_alert(tmp_path: Path) -> None:
    paths = files(tmp_path)
    paths["blue"].unlink()
    paths["red"].write_bytes(b"<html>")
    attempt = Attempt(tmp_path, specification(paths))

    outcome = attempt.kind.work(attempt)

    assert isinstance(outcome, Blocked)
    assert [one.id for one in outcome.alerts] == ["source:blue", "source:red"]
    assert {one.severity for one in outcome.alerts} == {Severity.ERROR}
    assert "there is no file" in outcome.alerts[0].description
    assert "not a FITS file" in outcome.alerts[1].description


def test_a_source_that_returns_lets_it_go_on_and_the_rest_is_not_fetched_again(
    tmp_path: Path,
) -> None:
    paths = files(tmp_path)
    content = paths["blue"].read_bytes()
    paths["blue"].unlink()
    wanted = specification(paths)
    first = Attempt(tmp_path, wanted)
    assert isinstance(first.kind.work(first), Blocked)
    paths["blue"].write_bytes(content)
    paths["red"].unlink()  # it is here already

    second = Attempt(tmp_path, wanted, number=2)

    published(second.kind.work(second), tmp_path)


def test_a_source_that_changes_after_it_was_collected_is_told(tmp_path: Path) -> None:
    paths = files(tmp_path)
    good = paths["red"].read_bytes()
    (paths["blue"]).rename(tmp_path / "away")
    wanted = specification(paths)
    first = Attempt(tmp_path, wanted)
    assert isinstance(first.kind.work(first), Blocked)
    (tmp_path / "away").rename(paths["blue"])
    paths["red"].unlink()
    paths["red"].write_bytes(good)
    os.utime(paths["red"], ns=(1, 1))

    second = Attempt(tmp_path, wanted, number=2)
    published(second.kind.work(second), tmp_path)

    (alert,) = second.standings[-1].alerts
    assert alert.id == f"suspicious_timestamp/red/{paths['red']}"
    assert alert.severity is Severity.WARNING


@pytest.mark.parametrize("shape", [(64, 48), LARGE])
def test_a_source_that_is_written_to_while_it_is_merged_is_found(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    paths = files(tmp_path, shape)
    content = paths["red"].read_bytes()
    place = content.index(b"XTENSION") + 5 * 2880
    changed = bytearray(content)
    changed[place : place + 4] = bytes(reversed(content[place : place + 4]))

    def disturb(message: str) -> None:
        if message == "Reading headers":
            paths["red"].write_bytes(changed)

    attempt = Attempt(tmp_path, specification(paths), disturb=disturb)
    outcome = attempt.kind.work(attempt)

    if isinstance(outcome, Blocked):  # linked: what was collected changed with it
        assert shape == LARGE
        assert [one.id for one in outcome.alerts] == [
            "source:red",
            f"suspicious_timestamp/red/{paths['red']}",
        ]
    else:  # held, copied or shared: the product has what was collected
        product = published(outcome, tmp_path)
        assert content[content.index(b"XTENSION") :] in product.read_bytes()
        (alert,) = attempt.standings[-1].alerts
        assert alert.id.startswith("suspicious_timestamp/red")


def test_what_was_held_when_it_was_blocked_is_not_fetched_again(tmp_path: Path) -> None:
    paths = files(tmp_path)
    content = paths["blue"].read_bytes()
    paths["blue"].unlink()
    wanted = specification(paths)
    first = Attempt(tmp_path, wanted)
    assert isinstance(first.kind.work(first), Blocked)
    paths["blue"].write_bytes(content)
    found = paths["red"].read_bytes()
    paths["red"].unlink()
    here = tmp_path / "jobs" / "j" / "done"
    kept = next(one for one in here.iterdir() if one.read_bytes() == found)
    kept.write_bytes(found.replace(b"TRICAM", b"TRIXAM", 1))

    second = Attempt(tmp_path, wanted, number=2)
    outcome = second.kind.work(second)

    # It is compared with what was found then.
    assert isinstance(outcome, Blocked)
    assert "not what was collected" in outcome.alerts[0].description


def header_changed(content: bytes) -> bytes:
    return content.replace(b"TRICAM", b"TRIXAM", 1)


def card_of_an_extension_changed(content: bytes) -> bytes:
    return content.replace(b"CHECKSUM", b"CHECKSUN")


def extension_lost(content: bytes) -> bytes:
    return content[: content.index(b"XTENSION= 'BINTABLE'")]


@pytest.mark.parametrize(
    "change", [header_changed, card_of_an_extension_changed, extension_lost]
)
def test_a_link_is_compared_with_what_was_collected_header_by_header(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    paths = files(tmp_path, LARGE)
    content, before = paths["red"].read_bytes(), paths["red"].stat()

    def disturb(message: str) -> None:
        if message == "Reading headers":
            paths["red"].write_bytes(change(content))
            times = (before.st_atime_ns, before.st_mtime_ns)
            os.utime(paths["red"], ns=times)  # as if nothing had been

    attempt = Attempt(tmp_path, specification(paths), disturb=disturb)
    outcome = attempt.kind.work(attempt)

    if isinstance(outcome, Completed):  # copied or shared
        assert b"TRICAM" in published(outcome, tmp_path).read_bytes()
        return
    assert isinstance(outcome, Blocked)
    error, warning = outcome.alerts
    assert "not what was collected" in error.description
    assert warning.id == f"suspicious_timestamp/red/{paths['red']}"


def test_a_source_that_changes_while_it_is_copied_is_suspicious(tmp_path: Path) -> None:
    paths = files(tmp_path)
    own = paths["own"]
    folder = tmp_path / "attempt"
    folder.mkdir()

    with pytest.raises(Stuck) as caught:
        Collecting(
            parse_specification(in_place(paths)),
            (LocalTransfer(),),
            RowMarks({}, lambda *_: None),
            folder=folder,
            slots=HostSlots(tmp_path / "transfers"),
            proceed=lambda: None,
            counted=lambda _: os.utime(own, ns=(1, 1)),  # as its copy is made
        ).run()

    assert [(one.id, one.severity) for one in caught.value.alerts] == [
        ("source:own", Severity.ERROR),
        (f"suspicious_timestamp/own/{own}", Severity.WARNING),
    ]


def test_what_the_settings_no_longer_allow_blocks_it(tmp_path: Path) -> None:
    path = image_file(tmp_path / "near.fits")
    raw = specification({"near": path, "far": path})
    raw["sources"][2]["location"] = "https://archive.example/far.fits"
    attempt = Attempt(tmp_path, raw, transfers={"http": ["https://archive.example/"]})

    outcome = merge_kind({}).work(attempt)

    assert isinstance(outcome, Blocked)
    (alert,) = outcome.alerts
    assert alert.id == "source:far"
    assert "may not be fetched" in alert.description


def test_what_was_begun_is_gone_on_with_when_it_is_retried(tmp_path: Path) -> None:
    path = image_file(tmp_path / "far.fits", shape=(600, 600))
    with serving() as store:
        store.files["/raw/far.fits"] = path.read_bytes()
        raw = specification({"far": path})
        raw["sources"][1]["location"] = f"{store.url}/raw/far.fits"
        allowed = {"http": [f"{store.url}/raw/"]}
        store.cut = 4  # as often as it is tried
        first = Attempt(tmp_path, raw, transfers=allowed)
        assert isinstance(first.kind.work(first), Blocked)
        asked = len(store.asked)
        second = Attempt(tmp_path, raw, number=2, transfers=allowed)
        published(second.kind.work(second), tmp_path)
        ranges = [words for _, _, words in store.asked[asked:] if words]

    begun = int(ranges[0].removeprefix("bytes=").rstrip("-"))
    assert begun > 0


@pytest.mark.parametrize("calls", range(0, 12, 2))
def test_an_abort_at_any_step_leaves_the_sources_alone(
    tmp_path: Path, calls: int
) -> None:
    paths = files(tmp_path)
    before = seen(paths)
    attempt = Attempt(tmp_path, in_place(paths), stop_after=calls)

    with pytest.raises(AttemptLost):
        attempt.kind.work(attempt)

    assert seen(paths) == before
    again = Attempt(tmp_path, in_place(paths), number=2)
    published(again.kind.work(again), tmp_path)
