"""Releasing: every receiver gets the product once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.kinds.test_collecting import published
from tests.kinds.working import Attempt
from tests.transfer.serving import Store, serving

from quire.errors import ManyInputErrors
from quire.jobs.job import Blocked, Suspended
from quire.kinds.merge.slots import TRANSFERS, HostSlots
from quire.testing.faults.full_disk import cannot_mount, small_disk
from quire.testing.fits_files import image_file, specification
from quire.testing.not_proved import not_proved
from quire.transfer.kinds import merge_kind

NAME = "TEST.2026-11-21T01:02:03.004.fits"
COUNT = "import sys; open(sys.argv[1], 'a').write(sys.argv[3] + '\\n')"


def wanted(folder: Path, *receivers: dict[str, Any]) -> dict[str, Any]:
    path = folder / "a.fits"
    if not path.exists():
        image_file(path)
    return {**specification({"cam": path}), "receivers": list(receivers)}


def counting(log: Path) -> dict[str, Any]:
    words = [sys.executable, "-c", COUNT, str(log), "{file}", "{name}"]
    return {"commands": {"count": words}}


def test_all_receivers_get_the_published_product(tmp_path: Path) -> None:
    for name in ("olas", "plain"):
        (tmp_path / name).mkdir()
    attempt = Attempt(
        tmp_path,
        wanted(
            tmp_path,
            {"type": "olasReceiver", "path": str(tmp_path / "olas")},
            {"type": "folderReceiver", "path": str(tmp_path / "plain")},
        ),
    )

    product = published(attempt.kind.work(attempt), tmp_path)

    assert attempt.steps == ["Collecting", "Merging", "Releasing"]
    olas, plain = (tmp_path / one / NAME for one in ("olas", "plain"))
    assert olas.samefile(product)
    assert not plain.samefile(product)
    assert plain.read_bytes() == product.read_bytes()
    assert [path.name for path in olas.parent.iterdir()] == [NAME]


def test_a_receiver_that_refuses_blocks_and_the_others_are_not_served_again(
    tmp_path: Path,
) -> None:
    log, gone = tmp_path / "log", tmp_path / "gone"
    what = wanted(
        tmp_path,
        {"type": "commandReceiver", "command": "count"},
        {"type": "olasReceiver", "path": str(gone)},
    )
    first = Attempt(tmp_path, what, transfers=counting(log))

    outcome = first.kind.work(first)

    assert isinstance(outcome, Blocked)
    (alert,) = outcome.alerts
    assert alert.id == f"receiver:olas::{gone}"
    assert "Source File Releasing Error" in alert.description
    assert first.steps[-1] == "Releasing"

    gone.mkdir()
    (tmp_path / "a.fits").unlink()  # what is merged needs no source any more
    second = Attempt(tmp_path, what, number=2, transfers=counting(log))
    product = published(second.kind.work(second), tmp_path)

    assert (gone / NAME).samefile(product)
    assert log.read_text().splitlines() == [NAME]
    assert second.steps == ["Releasing"]


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; sys.exit('no tape')"]
    attempt = Attempt(
        tmp_path,
        wanted(tmp_path, {"type": "commandReceiver", "command": "tape"}),
        transfers={"commands": {"tape": words}},
    )

    outcome = attempt.kind.work(attempt)

    assert isinstance(outcome, Blocked)
    assert "no tape" in outcome.alerts[0].description


@pytest.mark.parametrize(
    "receiver",
    [
        {"type": "commandReceiver", "command": "unknown"},
        {"type": "rsyncReceiver", "host": "unlisted", "path": "/in"},
        {"type": "s3Receiver", "location": "s3://bucket/in"},
        {"type": "olasReceiver", "path": "/in", "host": "unlisted"},
        {"type": "folderReceiver", "path": "/elsewhere"},
    ],
)
def test_what_the_settings_do_not_list_is_refused_at_once(
    tmp_path: Path, receiver: dict[str, Any]
) -> None:
    kind = merge_kind({"folders": [str(tmp_path)]})

    with pytest.raises(ManyInputErrors, match="/receivers/0"):
        kind.plan({"SPECIFICATION": wanted(tmp_path, receiver)})


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/a.fits", "host:/a.fits", "s3://bucket/a.fits", "relative.fits"],
)
def test_sources_that_the_settings_do_not_list_are_refused_at_once(
    location: str,
) -> None:
    raw = specification({"cam": Path("/a.fits")})
    raw["sources"][1]["location"] = location
    with pytest.raises(ManyInputErrors, match="source cam"):
        merge_kind({}).plan({"SPECIFICATION": raw})


@pytest.mark.parametrize("receiver", ["olasReceiver", "folderReceiver"])
def test_a_receiver_that_is_full_is_waited_for(tmp_path: Path, receiver: str) -> None:
    if reason := cannot_mount():
        mend = "run as root where a tmpfs can be mounted"
        pytest.skip(not_proved("a full receiver", why=reason, mend=mend))
    image_file(tmp_path / "a.fits", shape=(500, 500))
    place = str(tmp_path / "disk")
    what = wanted(
        tmp_path,
        {"type": receiver, "path": place}
        | ({"options": {"allowSymlink": False}} if receiver[0] == "o" else {}),
    )
    with small_disk(Path(place), 700_000) as disk:
        (disk / "ballast").write_bytes(bytes(400_000))
        first = Attempt(tmp_path, what)
        outcome = first.kind.work(first)

        assert isinstance(outcome, Suspended)
        (alert,) = outcome.alerts
        assert (alert.severity, alert.id.partition("/")[0]) == ("Warning", "low_space")
        assert place in alert.description
        assert [path.name for path in disk.iterdir()] == ["ballast"]
        subprocess.run(["mount", "-o", "remount,size=9M", place], check=True)
        second = Attempt(tmp_path, what, number=2)
        product = published(second.kind.work(second), tmp_path)
        assert (disk / NAME).read_bytes() == product.read_bytes()
    assert second.steps == ["Releasing"]


@contextmanager
def store_of_objects() -> Iterator[tuple[Store, dict[str, Any]]]:
    """Give an object store, and the settings by which products go there."""
    with serving() as store:
        yield (
            store,
            {
                "s3": {
                    "endpoint": store.url,
                    "deliver": ["s3://out/"],
                    "access_key": "QUIRE_TEST_KEY",
                    "secret_key": "QUIRE_TEST_SECRET",
                }
            },
        )


def test_a_receivers_host_has_so_many_at_a_time_and_who_waits_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIRE_TEST_KEY", "k")
    monkeypatch.setenv("QUIRE_TEST_SECRET", "s")
    (tmp_path / "here").mkdir()
    what = wanted(
        tmp_path,
        {"type": "folderReceiver", "path": str(tmp_path / "here")},
        {"type": "s3Receiver", "location": "s3://out/x"},
    )
    # Others' transfers, sources or products, have all slots of the host.
    others = HostSlots(tmp_path / TRANSFERS)
    held = [others.take("out") for _ in range(2)]
    assert all(held)
    waits = "Waiting for out: other acquisitions use it"

    def disturb(message: str) -> None:
        if message == waits:
            assert (tmp_path / "here" / NAME).exists()
            assert not [one for one in store.asked if one[0] == "PUT"]
            for slot in held:
                assert slot
                slot.free()

    with store_of_objects() as (store, settings):
        attempt = Attempt(tmp_path, what, transfers=settings, disturb=disturb)
        published(attempt.kind.work(attempt), tmp_path)
        assert [one[0] for one in store.asked].count("PUT") == 1
    assert attempt.messages.count(waits) == 1
    assert others.take("out")
