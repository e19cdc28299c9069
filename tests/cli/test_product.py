"""`quire product`."""

from pathlib import Path

import pytest
from tests.cli.kept import RUN, call, fill, serve, told


def test_a_product_that_was_taken_away_is_missed_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    server = serve(folder)
    monkeypatch.setenv("QUIRE_DIR", str(folder))
    try:
        with server.http() as http:
            made = fill(http)
            file = folder / made["file"]
            assert told("product", "verify", file)["good"]

            gone = told("product", "delete", made["id"], "--reason", "snow")

            assert gone["removed"]["reason"] == "snow"
            assert not file.exists()
            failed = call("product", "delete", "no such", code=1)
            assert "no product 'no such'" in failed.stderr
            assert http.get(f"/api/v1/runs/{RUN}").json()["products"] == []
            told("audit", folder)
            copied = told("backup", tmp_path / "backup", folder)
            assert not copied.get("missing")
    finally:
        server.stop()
    told("audit", folder)
    told("rebuild", folder)
