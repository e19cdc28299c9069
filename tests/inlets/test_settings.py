from pathlib import Path
from typing import Any

import pytest

from quire.config import Settings
from quire.errors import InputError
from quire.inlets.kafka import KafkaInlet
from quire.inlets.ndjson import NdjsonInlet
from quire.inlets.settings import inlets
from quire.inlets.zmq import ZmqInlet

TOML = """
[inlets.old]
from = "ndjson"
path = "drop"
patterns = ["*.txt"]
interval = 0.5

[inlets.beamline]
from = "zmq"
address = "localhost:5578"
prefix = "raw"

[inlets.bus]
from = "kafka"
servers = "a:1,b:2"
topics = ["xpd.bluesky.runengine.documents"]
[inlets.bus.options]
"security.protocol" = "ssl"
"""


def test_inlets_are_read_from_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "quire.toml").write_text(TOML)
    settings = Settings.load(environment={}, data_folder=tmp_path)
    made = inlets(settings.inlets, tmp_path)
    assert {name: type(one) for name, one in made.items()} == {
        "old": NdjsonInlet,
        "beamline": ZmqInlet,
        "bus": KafkaInlet,
    }
    assert [one.source for one in made.values()] == [
        str(tmp_path / "drop"),
        "tcp://localhost:5578",
        "kafka://a:1,b:2/xpd.bluesky.runengine.documents",
    ]
    assert [one.replays for one in made.values()] == [True, False, True]
    bus = made["bus"]
    assert isinstance(bus, KafkaInlet)
    assert bus._options["group.id"] == "quire-bus"
    assert bus._options["security.protocol"] == "ssl"
    assert bus._options["enable.auto.commit"] is False


def test_no_table_means_no_inlet(tmp_path: Path) -> None:
    settings = Settings.load(environment={}, data_folder=tmp_path)
    assert inlets(settings.inlets, tmp_path) == {}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({}, "inlets.x"),
        ({"from": "smoke"}, "inlets.x.from"),
        ({"from": "ndjson"}, "inlets.x"),
        ({"from": "ndjson", "path": ""}, "inlets.x.path"),
        ({"from": "ndjson", "path": "a", "patterns": []}, "inlets.x.patterns"),
        ({"from": "ndjson", "path": "a", "interval": 0}, "inlets.x.interval"),
        ({"from": "ndjson", "path": "a", "interval": "1"}, "inlets.x.interval"),
        ({"from": "ndjson", "path": "a", "colour": 1}, "inlets.x"),
        ({"from": "zmq", "address": ""}, "inlets.x.address"),
        ({"from": "zmq", "address": "a:1", "prefix": "a b"}, "inlets.x.prefix"),
        ({"from": "zmq", "address": "a:1", "secret_file": "s"}, "inlets.x.server_file"),
        ({"from": "zmq", "address": "a:1", "queue": 0}, "inlets.x.queue"),
        ({"from": "kafka", "servers": "", "topics": ["t"]}, "inlets.x.servers"),
        ({"from": "kafka", "servers": "a:1", "topics": []}, "inlets.x.topics"),
        (
            {
                "from": "kafka",
                "servers": "a:1",
                "topics": ["t"],
                "options": {"enable.auto.commit": True},
            },
            "inlets.x.options.enable.auto.commit",
        ),
    ],
)
def test_what_is_wrong_is_named(
    table: dict[str, Any], field: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        inlets({"x": table}, tmp_path)
    assert caught.value.field == field
    assert caught.value.reason


def test_a_name_has_few_letters(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no name for an inlet"):
        inlets({"a/b": {"from": "ndjson", "path": "a"}}, tmp_path)
