"""Keyword dictionaries on a server: at queue time, and at collecting."""

from pathlib import Path

from tests.faces.dpm.conftest import Ask, camera, settled, specification

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import until


def test_dictionaries_of_the_data_folder_are_kept_to(
    ask: Ask, server: ServerProcess, tmp_path: Path
) -> None:
    folder = server.folder / "dictionaries"
    folder.mkdir()
    dictionary = folder / "camera.did.toml"
    dictionary.write_text('[keywords.INSTRUME]\ntype = "string"\n')
    wanted = specification(
        "DICT.1",
        camera(tmp_path / "a.fits", "CAM"),
        keywordDictionaries=["camera.did"],
    )
    odd = {"type": "valueKeyword", "name": "ODD", "value": 1}
    keywords = {"type": "fitsKeywords", "sourceName": "ocm", "keywords": [odd]}
    bad = {**wanted, "sources": [*wanted["sources"], keywords]}
    refused = ask("/daq/QueueDaq", specification=bad)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "/sources/1/keywords/0"
    unknown = {**wanted, "keywordDictionaries": ["other"]}
    (error,) = ask("/daq/QueueDaq", specification=unknown).json()["errors"]
    assert error["field"] == "/keywordDictionaries/0"
    assert "camera.did" in error["mend"]
    ask("/daq/QueueDaq", specification=wanted).raise_for_status()
    status = settled(ask, "DICT.1")
    assert (status["error"], status["subState"]) == (True, "Collecting")
    (alert,) = status["alerts"]
    for words in ("INS TEMP1 VAL", "cam0", "camera.did"):
        assert words in alert["description"]
    with dictionary.open("a") as stream:
        stream.write('[keywords."INS TEMPi VAL"]\ntype = "double"\n')
    ask("/daq/RetryMergeDaq", id="DICT.1").raise_for_status()
    done = until(
        lambda: s if (s := settled(ask, "DICT.1"))["subState"] == "Completed" else None
    )
    assert done["alerts"] == []
    dictionary.unlink()
