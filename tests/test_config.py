"""What the configuration says, and what is refused of it."""

from pathlib import Path
from typing import Any

import pytest

from quire.app.application import own_hosts
from quire.config import Settings
from quire.errors import InputError, ManyInputErrors
from quire.web.guard import host_name


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ({"experiment": 2**63}, "numbers.experiment"),
        ({"experiment": ""}, "numbers.experiment"),
        ({"experiment": "cycle."}, "numbers.experiment"),
        ({"run": ""}, "numbers.run"),
        ({"run": ".run"}, "numbers.run"),
    ],
)
def test_numbers_that_no_run_could_get_are_refused(
    numbers: dict[str, Any], named: str
) -> None:
    with pytest.raises(ManyInputErrors, match=named):
        Settings.load(environment={}, data_folder="x", numbers=numbers)


def test_numbers_by_dotted_keys_are_taken() -> None:
    numbers = {"experiment": "cycle.number", "run": "run"}
    found = Settings.load(environment={}, data_folder="x", numbers=numbers)
    assert found.numbers.experiment == "cycle.number"


@pytest.mark.parametrize(
    "address",
    [
        "quire.example.org",
        "ftp://quire.example.org",
        "https://",
        "https://quire.example.org?a=b",
        "https://amy:secret@quire.example.org",
        "https://quire.example.org:port",
        "https://quire.example.org\n",
    ],
)
def test_an_address_that_no_link_could_begin_with_is_refused(address: str) -> None:
    with pytest.raises(ManyInputErrors, match="public_url"):
        Settings.load(environment={}, data_folder="x", public_url=address)


@pytest.mark.parametrize(
    "address", ["", "https://quire.example.org", "http://[::1]:8642/quire/"]
)
def test_an_address_is_taken(address: str) -> None:
    found = Settings.load(environment={}, data_folder="x", public_url=address)
    assert found.public_url == address


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("hots = '127.0.0.1'", "hots: is no setting (do you mean host?)"),
        ("[labs]\nidle_second = 1", "do you mean labs.idle_seconds?"),
        ("run_lease = 'long'", "run_lease: Expected `float`, got `str`"),
        ("log_level = 'trace'", "log_level: .*(of debug, error, info, warning)"),
        ("[kinds.merge]\nretries = -1", "kinds.merge.retries: Expected `int` >= 0"),
        ("[asset_root_map]\n'/a' = 1", "asset_root_map./a: Expected `str`"),
        ("asset_roots = ['/a', 1]", "asset_roots[1]: "),
        ("[database]\nwriters = 'x'\nreader = 1", "database.writers: Expected `int`"),
        ("[database]\nwriters = 'x'\nreader = 1", "database.reader: is no setting"),
        ("run_lease = nan", "run_lease: must be"),
        ("run_lease = inf", "run_lease: must be"),
        ("attempt_lease = nan", "attempt_lease: must be"),
        ("streams_a_principal = 0", "streams_a_principal: must be 1 or more"),
        ("job_memory = 5", "job_memory: is too little"),
        ("job_memory = -1", "job_memory: is too little"),
        ("asset_roots = ['data']", "asset_roots: 'data' is no absolute path"),
        ("source_roots = ['~/data']", "source_roots: '~/data' is no absolute path"),
        ("data_folder = '/data'", "data_folder: is where "),
        ("[proxy]\nhosts = ['https://a.b']", "proxy.hosts: 'https://a.b' is no name"),
        ("[proxy]\nhosts = ['a.b:443']", "proxy.hosts: 'a.b:443' is no name"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(
    tmp_path: Path, written: str, told: str
) -> None:
    (tmp_path / "quire.toml").write_text(f"{written}\n")
    with pytest.raises(InputError) as found:
        Settings.load(environment={}, data_folder=tmp_path)
    assert all(part in str(found.value) for part in told.split(".*"))


def test_names_of_the_server_are_told_by_any_letters() -> None:
    hosts = own_hosts(["Quire.Example.org"])
    assert host_name("QUIRE.example.ORG:443") in hosts
    assert host_name("quire.example.org") in hosts
    assert host_name("LocalHost") in hosts
