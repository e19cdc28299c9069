import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.writers.fits.merging import attempt, merge_paths

from quire.errors import Conflict, NotFound
from quire.testing.fits_files import image_file
from quire.writers.fits.merge import MergedPart, publish
from quire.writers.fits.verify import verify


@pytest.fixture
def part(tmp_path: Path) -> MergedPart:
    path = image_file(tmp_path / "a.fits", names=("A",))
    return merge_paths({"cam": path}, attempt(tmp_path))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_with_its_manifest_and_leaves_the_attempt_empty(
    tmp_path: Path, part: MergedPart
) -> None:
    product = publish(part, tmp_path / "deep" / "er")

    assert names(product.parent) == sorted([part.file_name, part.manifest_name])
    assert names(tmp_path / "attempt") == []
    assert verify(product).good


def test_repeating_it_changes_nothing(tmp_path: Path, part: MergedPart) -> None:
    first = publish(part, tmp_path / "out").stat()

    again = publish(part, tmp_path / "out").stat()

    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)


def test_it_goes_on_after_the_manifest_was_moved(
    tmp_path: Path, part: MergedPart
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    part.manifest.rename(out / part.manifest_name)

    assert verify(publish(part, out)).good


def test_it_goes_on_after_the_product_has_both_names(
    tmp_path: Path, part: MergedPart
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    part.manifest.rename(out / part.manifest_name)
    os.link(part.file, out / part.file_name)

    assert verify(publish(part, out)).good
    assert names(tmp_path / "attempt") == []


def test_another_product_is_never_overwritten(tmp_path: Path, part: MergedPart) -> None:
    product = publish(part, tmp_path / "out")
    other = image_file(tmp_path / "b.fits", names=("B",))
    second = merge_paths({"cam": other}, attempt(tmp_path, "second"))
    before = product.read_bytes()

    with pytest.raises(Conflict, match="another product"):
        publish(second, tmp_path / "out")

    assert product.read_bytes() == before
    assert verify(product).good


def test_a_stray_file_is_never_overwritten(tmp_path: Path, part: MergedPart) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / part.file_name).write_bytes(b"precious")

    with pytest.raises(Conflict):
        publish(part, out)

    assert (out / part.file_name).read_bytes() == b"precious"
    assert part.file.exists()


@pytest.fixture
def twice(tmp_path: Path, part: MergedPart) -> Path:
    """Return a product that is published, and can be published again."""
    kept = part.file.read_bytes(), part.manifest.read_bytes()
    product = publish(part, tmp_path / "out")
    part.file.write_bytes(kept[0])
    part.manifest.write_bytes(kept[1])
    return product


@pytest.mark.parametrize("size", [100, 5760])
def test_a_damaged_product_is_put_right_and_what_was_there_kept(
    tmp_path: Path, part: MergedPart, twice: Path, size: int
) -> None:
    whole = twice.read_bytes()
    damaged = whole[: size - 1] + b"\xff" + whole[size : size if size == 100 else None]
    twice.write_bytes(damaged)

    publish(part, tmp_path / "out")

    assert verify(twice).good
    assert twice.read_bytes() == whole
    assert twice.with_name(twice.name + ".damaged").read_bytes() == damaged
    assert names(tmp_path / "attempt") == []


def test_a_product_gets_back_the_manifest_that_it_lost(
    tmp_path: Path, part: MergedPart, twice: Path
) -> None:
    before = twice.stat()
    (tmp_path / "out" / part.manifest_name).unlink()

    publish(part, tmp_path / "out")

    assert verify(twice).good
    assert twice.stat().st_ino == before.st_ino


def test_the_same_product_made_twice_is_published_once(
    tmp_path: Path, part: MergedPart, twice: Path
) -> None:
    before = twice.stat()

    publish(part, tmp_path / "out")

    assert twice.stat().st_ino == before.st_ino
    assert names(tmp_path / "attempt") == []


def test_without_its_part_it_is_not_found(tmp_path: Path, part: MergedPart) -> None:
    part.file.unlink()

    with pytest.raises(NotFound, match="make it again"):
        publish(part, tmp_path / "out")


def test_without_its_manifest_the_product_does_not_appear(
    tmp_path: Path, part: MergedPart
) -> None:
    part.manifest.unlink()

    with pytest.raises(NotFound, match="manifest"):
        publish(part, tmp_path / "out")
    assert names(tmp_path / "out") == []


PROGRAM = """
import os, signal, sys
import msgspec
from pathlib import Path
from quire.writers.fits.merge import MergedPart, publish
left = int(sys.argv[3])
def step(event, _arguments):
    global left
    if event in ("os.rename", "os.link", "os.remove", "os.mkdir", "open"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
part = msgspec.json.decode(sys.argv[1], type=MergedPart, dec_hook=lambda _, x: Path(x))
sys.addaudithook(step)
publish(part, Path(sys.argv[2]))
"""


def test_killed_at_every_step_it_is_whole_or_absent(
    tmp_path: Path, part: MergedPart
) -> None:
    out = tmp_path / "out"
    encoded = msgspec.json.encode(part, enc_hook=str)
    for step in range(30):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, encoded, out, str(step)], check=False
        )
        if (out / part.file_name).exists():
            assert verify(out / part.file_name).good
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert step >= 4
    assert names(out) == sorted([part.file_name, part.manifest_name])
    assert verify(publish(part, out)).good


def test_killed_while_a_product_is_put_right_it_is_never_gone(
    part: MergedPart, twice: Path
) -> None:
    whole = twice.read_bytes()
    damaged = whole[:-2880]
    twice.write_bytes(damaged)
    encoded = msgspec.json.encode(part, enc_hook=str)
    for step in range(30):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, encoded, twice.parent, str(step)],
            check=False,
        )
        assert twice.read_bytes() in (damaged, whole)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert step >= 4
    assert verify(twice).good
    assert twice.with_name(twice.name + ".damaged").read_bytes() == damaged
