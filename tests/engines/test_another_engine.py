"""The engine of docs/how-to/another-engine.md in a real server, with nothing shared.

Its runners read the run over HTTP, with the token of their attempt, and send the
product through an object store.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.engines.object_store import KEY, SECRET, object_store
from tests.engines.test_distributed import PAGE
from tests.kinds.test_project import Place, linked, run_of

SETTINGS = """
[transfers.s3]
endpoint = "{endpoint}"

[engines.cluster]
type = "process_launcher:make"
slots = 8
prefix = ["env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY"]
results = "s3://{bucket}/here"
scratch = "{scratch}"

[kinds.project]
engine = "cluster"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("elsewhere")
    text = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    (folder / "process_launcher.py").write_text(text)
    with object_store() as (known, bucket):
        environment = {
            "PYTHONPATH": str(folder),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            KEY: known.access_key,
            SECRET: known.secret_key,
        }
        settings = SETTINGS.format(
            endpoint=known.endpoint, bucket=bucket, scratch=folder / "scratch"
        )
        made = Place(folder, environment, settings)
        yield made
        made.server.stop()


def test_a_product_is_made_elsewhere(place: Place) -> None:
    uid = place.send(run_of("elsewhere", {"/entry/a": linked("a")}))
    job = place.project(uid)
    shown = place.connection.get(f"/api/v1/jobs/{job.id}")
    assert (shown["phase"], shown["attempt"]) == ("COMPLETED", 1)
    with h5py.File(place.product(job)) as product:
        assert np.asarray(product["entry/a"]).shape == (5,)
    assert place.entries(job)["/entry/a"]


def test_the_settings_of_the_page_are_read() -> None:
    import tomllib

    from quire.config import Settings
    from quire.engines.choosing import read_engines

    text = PAGE.read_text().partition("```toml\n")[2].partition("```")[0]
    tables = tomllib.loads(text)
    [(settings, rest)] = read_engines(tables["engines"]).values()
    assert (settings.type, settings.slots) == ("process_launcher:make", 8)
    assert rest == {
        "prefix": ["ssh", "-T", "node17"],
        "python": "/opt/quire/bin/python",
    }
    assert tables["kinds"]["project"]["engine"] in tables["engines"]
    assert "engines" in Settings.__struct_fields__
