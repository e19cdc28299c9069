"""Configuration of a stream with several descriptors, as the plugins' clients read it."""

from typing import Any

from bluesky_tiled_plugins.clients.bluesky_event_stream import (  # type: ignore[import-untyped]
    VirtualArrayClient,
)
from bluesky_tiled_plugins.exporters import (  # type: ignore[import-untyped]
    build_descriptor_docs,
)

from quire.testing.documents import make_descriptor
from quire.tiled.stream import stream_metadata


def described(uid: str, **devices: dict[str, Any]) -> dict[str, Any]:
    configuration = {
        device: {
            "data": data,
            "timestamps": dict.fromkeys(data, 1.0),
            "data_keys": {
                key: {"source": "test", "dtype": "number", "shape": []} for key in data
            },
        }
        for device, data in devices.items()
    }
    made = make_descriptor("run", uid, ["x"])
    return {**made, "configuration": configuration}


def read(*descriptors: dict[str, Any]) -> list[dict[str, Any]]:
    """Return by device and key the values of each descriptor as clients make them."""
    metadata = stream_metadata(descriptors)
    documents: list[dict[str, Any]] = build_descriptor_docs(metadata, "primary", "run")
    assert [one["uid"] for one in documents] == [one["uid"] for one in descriptors]
    configurations = [one["configuration"] for one in documents]
    for device, told in configurations[0].items():
        for key in told["data"]:
            VirtualArrayClient([one[device]["data"][key] for one in configurations])
    return [
        {device: told["data"] for device, told in one.items()} for one in configurations
    ]


def test_a_device_that_only_a_later_descriptor_has() -> None:
    first = described("1", det={"gain": 1})
    second = described("2", det={"gain": 2, "bias": 3.5}, motor={"speed": 4})
    assert read(first, second) == [
        {"det": {"gain": 1, "bias": None}, "motor": {"speed": None}},
        {"det": {"gain": 2, "bias": 3.5}, "motor": {"speed": 4}},
    ]
    assert first["configuration"].keys() == {"det"}


def test_values_of_several_shapes_are_their_json() -> None:
    found = read(
        described("1", det={"roi": [1, 2], "table": [[1], [2, 3]], "size": [4, 5]}),
        described("2", det={"roi": [1, 2, 3], "table": [[1], [2, 3]], "size": [6, 7]}),
    )
    assert found[0]["det"] == {
        "roi": "[1, 2]",
        "table": "[[1], [2, 3]]",
        "size": [4, 5],
    }
    assert found[1]["det"]["roi"] == "[1, 2, 3]"
    alone = described("1", det={"table": [[1], [2, 3]]})
    assert read(alone) == [{"det": {"table": "[[1], [2, 3]]"}}]
    assert alone["configuration"]["det"]["data"]["table"] == [[1], [2, 3]]


def test_an_array_that_only_one_descriptor_has() -> None:
    found = read(described("1"), described("2", det={"roi": [1, 2]}))
    assert found == [{"det": {"roi": None}}, {"det": {"roi": "[1, 2]"}}]
    found = read(described("1", det={"roi": [1, 2]}), described("2"))
    assert found[0] == {"det": {"roi": "[1, 2]"}}
