"""A projection in a notebook has the values of the product's file."""

from collections.abc import Iterator

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.kinds.test_project import (
    Place,
    calculated,
    configured,
    linked,
    run_of,
    static,
)

from quire.client.catalog import connect
from quire.errors import NotFound


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("notebook"))
    yield made
    made.server.stop()


def test_a_dataset_has_the_values_of_the_file(place: Place) -> None:
    entries = {
        "/entry/a": linked("a"),
        "/entry/words": linked("w"),
        "/entry/base": linked("a", "baseline"),
        "/entry/exposure": configured("exposure", index=1),
        "/entry/sum": calculated("numpy:add", "a", "b"),
        "/entry/mean": calculated("stats:mean"),
        "/entry/title": static("Ä"),
        "/entry/list": static([1, 2, 3]),
        "/entry/none": linked("no_such"),
    }
    uid = place.send(run_of("notebook", entries))
    catalog = connect(place.server.address.url, place.server.address.token)
    run = catalog[uid]
    found = run.project("own")
    with h5py.File(place.product(place.project(uid))) as file:
        for key in entries:
            if key.endswith("none"):
                continue
            stored = file[key]
            values = stored.asstr()[()] if stored.dtype == object else stored[()]
            own = found[key].values
            own = own[()] if own.shape == () and own.dtype == object else own
            assert np.array_equal(own, values), key
            assert found[key].attrs.get("units") == stored.attrs.get("units"), key
    assert found["/entry/a"].dims == ("time",)
    assert found["/entry/base"].dims == ("time_baseline",)
    assert found["time"].values.tolist() == [1.7e9 + row for row in range(1, 6)]
    assert len(found.attrs["issues"]) == 1
    assert "missing_field" in found.attrs["issues"][0]
    assert found.attrs["complete"] == 1
    with pytest.raises(NotFound, match="own"):
        run.project("other")
