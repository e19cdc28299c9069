from math import inf
from pathlib import Path
from typing import Any

import pytest

from quire.config import Settings
from quire.errors import InputError
from quire.outlets.kafka import KafkaOutlet
from quire.outlets.quire import QuireOutlet
from quire.outlets.settings import outlets
from quire.outlets.tiled import TiledOutlet

TOML = """
slots = 3

[outlets.headquarters]
to = "quire"
url = "https://quire.example.org/"
token_file = "secret"

[outlets.archive]
to = "tiled"
uri = "http://127.0.0.1:8000/api/v1?x=y"
api_key_file = "secret"
settle = 5

[outlets.bus]
to = "kafka"
servers = "a:1,b:2"
topic = "t"
[outlets.bus.options]
"compression.type" = "zstd"
acks = 0
"""


def test_outlets_are_read_from_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "quire.toml").write_text(TOML)
    (tmp_path / "secret").write_text(" s3cret\n")
    settings = Settings.load(environment={}, data_folder=tmp_path)
    made = outlets(settings.outlets, tmp_path)
    assert settings.slots == 3
    assert {name: type(one) for name, one in made.items()} == {
        "headquarters": QuireOutlet,
        "archive": TiledOutlet,
        "bus": KafkaOutlet,
    }
    targets = [one.target for one in made.values()]
    assert targets == [
        "https://quire.example.org",
        "http://127.0.0.1:8000/api/v1",
        "kafka://a:1,b:2/t",
    ]
    assert "s3cret" not in "".join(targets)
    bus = made["bus"]
    assert isinstance(bus, KafkaOutlet)
    assert bus._options["compression.type"] == "zstd"
    # What delivery rests on is not for settings to change.
    assert bus._options["acks"] == "all"
    assert bus._options["enable.idempotence"] is True


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"to": "mars"}, "outlets.x"),
        ({"to": "quire", "url": "http://a"}, "outlets.x"),
        ({"to": "quire", "url": "ftp://a", "token_file": "secret"}, "outlets.x.url"),
        ({"to": "quire", "url": "http://a", "token_file": "no"}, "outlets.x.token_fil"),
        ({"to": "tiled", "uri": "http://a", "api_key_file": "empty"}, "outlets.x"),
        ({"to": "kafka", "servers": "a", "topic": 5}, "outlets.x.topic"),
        ({"to": "kafka", "servers": "a", "topic": "t", "more": 1}, "outlets.x"),
        ("http://a", "outlets.x"),
        ({"to": "quire", "url": "http://", "token_file": "secret"}, "outlets.x.url"),
        ({"to": "quire", "url": "http://a", "token_file": "odd"}, "outlets.x.token_f"),
        ({"to": "quire", "url": "http://a", "token_file": "two"}, "outlets.x.token_f"),
        (
            {"to": "quire", "url": "http://a", "token_file": "secret", "timeout": 0},
            "outlets.x.timeout",
        ),
        ({"to": "tiled", "uri": "a"}, "outlets.x.uri"),
        ({"to": "tiled", "uri": "http://a", "api_key_file": "no"}, "outlets.x.api_key"),
        ({"to": "tiled", "uri": "http://a", "settle": -1}, "outlets.x.settle"),
        ({"to": "tiled", "uri": "http://a", "timeout": inf}, "outlets.x.timeout"),
        ({"to": "kafka", "servers": "", "topic": "t"}, "outlets.x.servers"),
        ({"to": "kafka", "servers": "a", "topic": ""}, "outlets.x.topic"),
        ({"to": "kafka", "servers": "a", "topic": "t", "timeout": -1}, "outlets.x.t"),
    ],
)
def test_a_bad_outlet_is_named(tmp_path: Path, table: Any, field: str) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    (tmp_path / "two").write_text("one\ntwo")
    with pytest.raises(InputError) as caught:
        outlets({"x": table}, tmp_path)
    assert caught.value.field.startswith(field)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "-x", "x" * 65])
def test_a_name_that_no_path_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    table = {"to": "kafka", "servers": "a", "topic": "t"}
    with pytest.raises(InputError, match="is no name for an outlet"):
        outlets({name: table}, tmp_path)
