"""`quire inlets` and `quire outlets`, on a real server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.kept import call
from tests.cli.kept import told as told_of

from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, make_run
from quire.testing.ports import free_port
from quire.testing.waiting import until

SETTINGS = """
[inlets.files]
from = "ndjson"
path = "in"
interval = 0.01

[outlets.archive]
to = "quire"
url = "http://127.0.0.1:{port}"
token_file = "token"
"""


@pytest.fixture
def folder(home: Path) -> Iterator[Path]:
    """The folder of a server that has both, and nobody to forward to."""
    made = home / "data"
    (made / "in").mkdir(parents=True)
    (made / "token").write_text("secret")
    (made / "quire.toml").write_text(SETTINGS.format(port=free_port()))
    server = ServerProcess(made)
    server.start()
    os.environ["QUIRE_DIR"] = str(made)
    yield made
    server.kill()


def test_what_stands_still_is_told_since_when_and_why(folder: Path) -> None:
    documents = make_run("run", events=3)
    text = as_ndjson(documents) + b'["start",{"uid":"bad"}]\n["start", {"uid":'
    (folder / "in" / "one.ndjson").write_bytes(text)
    (folder / "in" / "two.ndjson.gz").write_bytes(b"")
    until(lambda: "no whole line yet" in call("inlets").stdout)
    told = call("inlets").stdout
    assert "files: names that no pattern matches (1, such as two.ndjson.gz)" in told
    (one,) = told_of("inlets")["inlets"]
    assert (one["accepted"], one["set_aside"]) == (len(documents), 1)
    aside = call("inlets", "aside", "files").stdout
    assert "one.ndjson:7" in aside
    assert "required, but missing" in aside
    assert (
        "may be more: --after 1"
        in call("inlets", "aside", "files", "--limit", "1").stderr
    )
    missing = call("inlets", "aside", "none", code=1)
    assert "none" in missing.stderr

    def away() -> bool:
        (found,) = told_of("outlets")["outlets"]
        trouble = found["trouble"]
        return (
            found["behind"] == len(documents)
            and trouble is not None
            and trouble["failures"] > 1
            and trouble["since"] < trouble["at"]
        )

    until(away)
    told = call("outlets").stdout
    (line,) = (line for line in told.splitlines() if line.startswith("archive: "))
    assert line.startswith("archive: fails since ")
    assert line.endswith("All connection attempts failed")
