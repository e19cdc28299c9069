"""`quire merge`: the layout, where each card comes from, and who gets the product."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.writers.fits.judging import judged_products
from typer.testing import CliRunner, Result

from quire.cli.main import app
from quire.testing.faults.full_disk import cannot_mount, small_disk
from quire.testing.fits_files import image_file, specification
from quire.testing.not_proved import not_proved

__all__ = ("judged_products",)  # for all tests here
_NOTE = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
DICTIONARY = "\n".join(
    f'[keywords."{name}"]\ntype = "{kind}"'
    for name, kind in {
        "ORIGIN": "string",
        "INSTRUME": "string",
        "OBSERVER": "string",
        "RA": "double",
        "DEC": "double",
        "EXPTIME": "double",
        "TEL AMBI RHUM": "double",
        "INS FILTi NAME": "string",
        "INS TEMPi VAL": "double",
        "INS SHUTi ST": "logical",
        "DET CHIPi ID": "string",
        "DPR CATG": "string",
    }.items()
)


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["merge", *map(str, words)])


def written(folder: Path, wanted: dict[str, Any]) -> Path:
    path = folder / "spec.json"
    path.write_text(json.dumps(wanted))
    return path


def wanted(folder: Path) -> dict[str, Any]:
    paths = {
        "one": image_file(folder / "1.fits", names=("A",)),
        "two": image_file(folder / "2.fits", names=("B",), seed=1),
    }
    return specification(paths, file_id="PLAN.1")


def test_every_card_has_its_source_and_rule(tmp_path: Path) -> None:
    spec = wanted(tmp_path)
    spec["sources"][1]["keywordRules"] = [
        {"type": "filter", "selectionPatterns": ["+e INS *", "+v RA"]},
        {
            "type": "transform",
            "selectionPatterns": ["+e INS TEMP*"],
            "regex": "^INS ",
            "format": "INS2 ",
        },
    ]
    result = call(written(tmp_path, spec), "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    cards = {one["card"].split("=")[0].strip(): one for one in told["cards"]}
    assert cards["OBSERVER"]["rule"] == "/sources/0/keywords/0"
    ra = cards["RA"]
    assert (ra["source"], ra["beaten"]) == ("one", ["two"])
    assert ra["rule"] == "/sources/1/keywordRules/0"
    renamed = cards["HIERARCH ESO INS2 TEMP1 VAL"]
    assert renamed["former"] == "INS TEMP1 VAL"
    assert renamed["rule"] == "/sources/1/keywordRules/1"
    assert cards["HIERARCH ESO INS TEMP1 VAL"]["source"] == "two"
    assert "no keywordRules" in cards["DEC"]["rule"]
    assert cards["SIMPLE"]["source"] == cards["CHECKSUM"]["source"] == ""
    assert not list(tmp_path.glob("PLAN*"))
    call(tmp_path / "spec.json", "--output", tmp_path)
    product = (tmp_path / "PLAN.1.fits").read_bytes()
    assert told["size"] == len(product)
    for one in told["cards"]:
        # These say when they were made.
        if not one["card"].startswith(("CHECKSUM", "DATASUM", "DATE")):
            assert one["card"].encode() in product
    plain = call(tmp_path / "spec.json", "--dry-run").stdout
    assert "one: /sources/1/keywordRules/1, was INS TEMP1 VAL" in plain
    assert "instead of two" in plain


def test_commentary_of_all_sources_is_traced(tmp_path: Path) -> None:
    told = json.loads(
        call(written(tmp_path, wanted(tmp_path)), "--dry-run", "--json").stdout
    )
    origin = [
        one["source"] for one in told["cards"] if one["card"].startswith("COMMENT")
    ]
    assert origin == ["one", "two"]


def test_dictionaries_are_kept_to(tmp_path: Path) -> None:
    spec = {**wanted(tmp_path), "keywordDictionaries": ["tricam"]}
    path, folder = written(tmp_path, spec), tmp_path / "dictionaries"
    folder.mkdir()
    (folder / "tricam.toml").write_text(DICTIONARY)
    given = ("--dry-run", "--json", "--dictionaries", folder)
    result = call(path, *given)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["alerts"] == []
    (folder / "tricam.toml").write_text(DICTIONARY.replace("DPR CATG", "DPR TECH"))
    blocked = call(path, *given)
    assert blocked.exit_code == 4
    for words in ("'DPR CATG'", "source 'one'", "tricam"):
        assert words in blocked.stderr
    (folder / "tricam.toml").write_text(DICTIONARY.replace("OBSERVER", "OBSERVE"))
    refused = call(path, *given)
    assert refused.exit_code == 2
    assert "/sources/0/keywords/0" in refused.stderr
    text = DICTIONARY + '\n[keywords.SLIT]\ntype = "string"\nmandatory = true\n'
    (folder / "tricam.toml").write_text(text)
    missing = call(path, *given)
    assert missing.exit_code == 4
    assert "SLIT of dictionary 'tricam'" in missing.stderr
    spec["keywordDictionaries"] = ["other"]
    assert call(written(tmp_path, spec), *given).exit_code == 2


def test_receivers_get_the_product(tmp_path: Path) -> None:
    place = tmp_path / "archive"
    place.mkdir()
    spec = {
        **wanted(tmp_path),
        "receivers": [{"type": "folderReceiver", "path": str(place)}],
    }
    result = call(written(tmp_path, spec), "--output", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    product = Path(json.loads(result.stdout)["product"])
    assert (place / product.name).read_bytes() == product.read_bytes()


def test_a_receiver_that_refuses_blocks_it(tmp_path: Path) -> None:
    gone = {"type": "folderReceiver", "path": str(tmp_path / "gone")}
    spec = {**wanted(tmp_path), "receivers": [gone]}
    result = call(written(tmp_path, spec), "--output", tmp_path / "out")
    assert result.exit_code == 4
    assert "gone" in result.stderr


def test_what_the_settings_do_not_allow_is_refused_before_anything_is_done(
    tmp_path: Path,
) -> None:
    spec = wanted(tmp_path)
    far = {"type": "fitsFile", "sourceName": "far", "location": "far-host:/a.fits"}
    spec["sources"].append(far)
    spec["receivers"] = [{"type": "commandReceiver", "command": "count"}]
    result = call(written(tmp_path, spec), "--output", tmp_path / "out")
    assert result.exit_code == 2
    for words in ("source far", "/receivers/0", "--settings"):
        assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_program_that_the_settings_name_gets_the_product(tmp_path: Path) -> None:
    settings, log = tmp_path / "quire.toml", tmp_path / "log"
    words = [sys.executable, "-c", _NOTE, str(log), "{file}"]
    settings.write_text(f"[transfers.commands]\nnote = {json.dumps(words)}\n")
    spec = wanted(tmp_path)
    spec["receivers"] = [{"type": "commandReceiver", "command": "note"}]
    result = call(
        written(tmp_path, spec), "--output", tmp_path / "out", "--settings", settings
    )
    assert result.exit_code == 0, result.output
    assert log.read_text() == str(tmp_path / "out" / "PLAN.1.fits")


def test_a_full_disk_blocks_it_in_plain_words(tmp_path: Path) -> None:
    if reason := cannot_mount():
        mend = "run as root where a tmpfs can be mounted"
        pytest.skip(not_proved("a full disk", why=reason, mend=mend))
    source = image_file(tmp_path / "a.fits", shape=(500, 500))
    place = written(tmp_path, specification({"cam": source}))
    with small_disk(tmp_path / "disk", 300_000) as disk:
        result = call(place, "--output", disk)
        assert list(disk.iterdir()) == []
    assert result.exit_code == 4
    assert "No space left on device" in result.stderr
    assert result.stdout == ""


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    place = tmp_path / "bad.json"
    place.write_text("{")
    result = call(place)
    assert result.exit_code == 2
    assert f"{place}: no JSON" in result.stderr
