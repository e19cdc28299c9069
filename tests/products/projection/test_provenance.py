from typing import Any

import pytest

from quire.products.projection.provenance import provenance


def made_by(*plans: str) -> dict[str, Any]:
    projections = [{"name": one, "version": "1", "content": one * 20} for one in plans]
    return provenance(
        file="r.nxs",
        sha256="ab",
        identity="cd",
        inputs={
            "run": "r",
            "format": "nexus",
            "executor": "2",
            "projections": projections,
            "libraries": {"h5py": "3"},
            "callables": {"numpy:add": "1"},
        },
        job="j",
        owner="me",
        began="2026-11-22T00:00:00+00:00",
        ended="2026-11-22T00:00:01+00:00",
        code_version="quire 1",
    )


@pytest.mark.parametrize("plans", [(), ("a",), ("a", "b", "c")])
def test_who_made_it_followed_each_projection(plans: tuple[str, ...]) -> None:
    told = made_by(*plans)
    every = told["wasAssociatedWith"].values()
    followed = [one["prov:plan"] for one in every if "prov:plan" in one]
    assert followed == [f"quire:projection-{one * 16}" for one in plans]
    assert all(one in told["entity"] for one in followed)
    agents = {one["prov:agent"] for one in every}
    assert agents == told["agent"].keys()
    making = told["activity"]["quire:job-j"]
    assert making["quire:library-h5py"] == "3"
    assert making["quire:callable-numpy.add"] == "1"
