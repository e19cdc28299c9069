"""What the configuration says of numbers of runs and of the server's address."""

from typing import Any

import pytest

from quire.config import Settings
from quire.errors import ManyInputErrors


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
