import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from tests.writers.fits import judges
from tests.writers.fits.merging import MADE, attempt, merge_paths, merge_raw

from quire.errors import AttemptLost
from quire.products.manifest import decode_manifest
from quire.products.source_problem import SourceProblem
from quire.products.specification import parse_specification
from quire.testing.fits_files import image_file, keyword_list, specification
from quire.writers.fits.merge import merge, plan_merge, publish
from quire.writers.fits.verify import verify

FILE_ID = "TEST.2026-11-21T01:02:03.004"


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    return {
        "blue": image_file(tmp_path / "blue.fits", names=("B1", "B2"), seed=1),
        "red": image_file(tmp_path / "red.fits", names=("R1",), table=False, seed=2),
    }


def target_of(tmp_path: Path, **how: Any) -> dict[str, Any]:
    path = image_file(tmp_path / "own.fits", names=("OWN",), seed=9, **how)
    return {"type": "fitsFile", "sourceName": "own", "location": str(path)}


def judged(product: Path) -> None:
    judges.astropy_finds_no_fault(product)
    judges.fitsverify_finds_no_fault(product)
    assert verify(product).problems == ()


def test_all_judges_find_no_fault(tmp_path: Path, paths: dict[str, Path]) -> None:
    raw = specification(paths)
    raw["sources"][0]["keywords"] += [
        *keyword_list(500),
        {"type": "valueKeyword", "name": "LONG", "value": "it's long " * 30},
        {"type": "valueKeyword", "name": "TINY", "value": 1e-300, "comment": "x" * 80},
        {"type": "literalKeyword", "value": "HISTORY made = 'for a test' / really"},
    ]

    product = publish(merge_raw(raw, attempt(tmp_path)), tmp_path / "out")

    judged(product)
    other = judges.independent_merge(list(paths.values()), tmp_path / "other.fits")
    judges.same_extensions(product, other)


def test_the_keywords_are_those_of_an_independent_merge(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    raw = specification(paths)
    given = {f"ESO OCS PAR{number} VAL": number * 1.5 for number in range(50)}
    raw["sources"][0]["keywords"] += keyword_list(50)

    product = publish(merge_raw(raw, attempt(tmp_path)), tmp_path / "out")

    expected = judges.independent_keywords(
        {"OBSERVER": "O'Neil", **given}, list(paths.values())
    )
    judges.same_keywords(product, expected)
    with product.open("rb") as stream, fits.open(stream) as opened:
        comments = list(opened[0].header["COMMENT"])
    assert comments == ["made from seed 1", "made from seed 2"]


def test_extensions_are_identical_to_the_last_bit(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    part = merge_paths(paths, attempt(tmp_path))

    content = part.file.read_bytes()
    manifest = decode_manifest(part.manifest.read_bytes())
    for piece in manifest.parts[1:]:
        source = Path(piece.path).read_bytes()
        assert (
            content[piece.offset : piece.offset + piece.length]
            == source[piece.source_offset : piece.source_offset + piece.length]
        )
    assert [(piece.source, piece.hdu) for piece in manifest.parts] == [
        *[("", 0), ("blue", 1), ("blue", 2), ("blue", 3), ("red", 1)],
    ]
    assert (manifest.job, manifest.attempt, manifest.runs) == ("job-1", 2, ("run-1",))


def test_in_place_the_targets_pixels_and_keywords_are_kept(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    own = target_of(tmp_path, primary_pixels=True, keywords={"OWNER": "own"})
    before = Path(own["location"]).read_bytes()
    raw = specification(paths)
    raw["target"]["source"] = own

    part = merge_raw(raw, attempt(tmp_path))
    product = publish(part, tmp_path / "out")

    judged(product)
    assert Path(own["location"]).read_bytes() == before
    assert [alert.id for alert in part.alerts] == []
    judges.same_extensions(
        product,
        judges.independent_merge(
            list(paths.values()),
            tmp_path / "other.fits",
            target=Path(own["location"]),
        ),
    )
    with product.open("rb") as stream, fits.open(stream) as opened:
        assert opened[0].header["OWNER"] == "own"
        assert [hdu.name for hdu in opened[1:3]] == ["OWN", "OWN_STARS"]


def test_a_header_that_grew_is_told(tmp_path: Path, paths: dict[str, Path]) -> None:
    raw = specification(paths)
    raw["target"]["source"] = target_of(tmp_path, primary_pixels=True)
    raw["sources"][0]["keywords"] += keyword_list(100)

    part = merge_raw(raw, attempt(tmp_path))

    assert [alert.id for alert in part.alerts] == ["primary_hdu_resized"]
    judged(publish(part, tmp_path / "out"))


def test_pixels_that_cannot_be_merged_are_told_unless_unwanted(tmp_path: Path) -> None:
    path = image_file(tmp_path / "a.fits", primary_pixels=True)
    raw = specification({"cam": path})

    (alert,) = merge_raw(raw, attempt(tmp_path)).alerts
    raw["sources"][1]["alertUnmergeable"] = False
    silent = merge_raw(raw, attempt(tmp_path, "second"))

    assert (alert.severity, alert.at) == ("Warning", MADE.timestamp())
    assert "cam" in alert.description
    assert silent.alerts == ()
    product = publish(silent, tmp_path / "out")
    judged(product)
    assert b"BZERO" not in product.read_bytes()[:2880]


def test_extensions_of_one_name_are_told(tmp_path: Path) -> None:
    one = image_file(tmp_path / "a.fits", names=("SAME",), table=False)
    two = image_file(tmp_path / "b.fits", names=("SAME",), table=False)

    (alert,) = merge_paths({"a": one, "b": two}, attempt(tmp_path)).alerts

    assert alert.id == "repeated_extension/IMAGE/SAME/1"


def test_a_product_of_keywords_alone(tmp_path: Path) -> None:
    part = merge_paths({}, attempt(tmp_path))

    assert part.size == 2880
    judged(publish(part, tmp_path / "out"))


def test_random_groups_are_kept_in_place(tmp_path: Path) -> None:
    path = tmp_path / "groups.fits"
    data = fits.GroupData(
        np.ones((2, 3), np.float32),
        bitpix=-32,
        parnames=["A"],
        pardata=[np.array([5.0, 6.0], np.float32)],
    )
    with path.open("wb") as written:
        fits.HDUList([fits.GroupsHDU(data)]).writeto(written, checksum=True)
    raw = specification({})
    raw["target"]["source"] = {
        "type": "fitsFile",
        "sourceName": "own",
        "location": str(path),
    }

    product = publish(merge_raw(raw, attempt(tmp_path)), tmp_path / "out")

    with product.open("rb") as stream, fits.open(stream, checksum=True) as opened:
        assert opened[0].data.par("A").tolist() == [5.0, 6.0]
    assert verify(product).good


def test_the_same_merge_gives_the_same_bytes(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    one = merge_paths(paths, attempt(tmp_path, "one"))
    two = merge_paths(paths, attempt(tmp_path, "two"))
    later = merge_raw(
        specification(paths), attempt(tmp_path, "later"), made=MADE + timedelta(1)
    )

    assert one.sha256 == two.sha256
    assert one.sha256 != later.sha256


def test_progress_never_goes_back_and_ends_at_100(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    told: list[tuple[str, int]] = []

    merge_raw(
        specification(paths),
        attempt(tmp_path),
        report=lambda message, percent: told.append((message, percent)),
    )

    percents = [percent for _, percent in told]
    assert percents == sorted(percents)
    assert told[-1] == ("Merged", 100)
    assert {"Copying blue", "Copying red", "Verifying"} <= {text for text, _ in told}


@pytest.mark.parametrize("calls", [0, 1, 2, 5, 7])
def test_a_cancelled_merge_leaves_nothing(
    tmp_path: Path, paths: dict[str, Path], calls: int
) -> None:
    asked = iter(range(1000))
    folder = attempt(tmp_path)

    with pytest.raises(AttemptLost) as caught:
        merge_raw(specification(paths), folder, cancelled=lambda: next(asked) >= calls)

    assert (caught.value.job, caught.value.attempt) == ("job-1", 2)
    assert list(folder.iterdir()) == []


def test_what_an_earlier_try_left_is_overwritten(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    folder = attempt(tmp_path)
    (folder / f"{FILE_ID}.fits.part").write_bytes(b"x" * 10_000_000)
    (folder / f"{FILE_ID}.manifest.json").write_bytes(b"x")

    judged(publish(merge_paths(paths, folder), tmp_path / "out"))


def test_a_source_that_changes_meanwhile_is_found(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    def disturb(message: str, _percent: int) -> None:
        if message == "Verifying":
            seen = paths["blue"].stat()
            os.utime(paths["blue"], ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))

    with pytest.raises(SourceProblem, match="changed while it was merged"):
        merge_raw(specification(paths), attempt(tmp_path), report=disturb)


def test_a_source_that_is_replaced_meanwhile_is_found(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    def replace(message: str, _percent: int) -> None:
        if message == "Copying red":
            copy = tmp_path / "copy"
            copy.write_bytes(paths["blue"].read_bytes())
            copy.replace(paths["blue"])

    with pytest.raises(SourceProblem, match="changed while it was merged"):
        merge_raw(specification(paths), attempt(tmp_path), report=replace)


def test_a_source_that_shrinks_meanwhile_is_found(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    def shrink(message: str, _percent: int) -> None:
        if message == "Copying blue":
            os.truncate(paths["red"], 2880)

    folder = attempt(tmp_path)
    with pytest.raises(SourceProblem, match="became shorter"):
        merge_raw(specification(paths), folder, report=shrink)
    assert list(folder.iterdir()) == []


def test_a_location_without_a_path_is_a_problem_of_that_source() -> None:
    wanted = parse_specification(specification({"cam": Path("/nowhere/a.fits")}))

    with pytest.raises(SourceProblem, match="cam"):
        plan_merge(wanted, {}, made=MADE)


def test_a_plan_writes_nothing_and_is_what_the_merge_does(
    tmp_path: Path, paths: dict[str, Path]
) -> None:
    wanted = parse_specification(specification(paths))
    where = {file.location: Path(file.location) for file in wanted.files}
    before = sorted(tmp_path.iterdir())

    planned = plan_merge(wanted, where, made=MADE)

    assert sorted(tmp_path.iterdir()) == before
    part = merge_paths(paths, attempt(tmp_path))
    assert part.size == planned.layout.size
    assert part.file.read_bytes().startswith(planned.header)
    assert merge.__doc__
