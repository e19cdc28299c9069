"""`quire runs`: in which order runs are found, explained and written."""

import pytest
from tests.cli.test_commands import call
from tests.faces.search.conftest import searched

from quire.testing.campaigns.server import ServerProcess

__all__ = ["searched"]
NUMBERS = ("--fields", "experiment,run")


@pytest.fixture(autouse=True)
def found(searched: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_URL", searched.address.url)
    monkeypatch.setenv("QUIRE_TOKEN", searched.address.token)


def test_runs_are_written_in_the_order_of_their_numbers() -> None:
    def written(order: str) -> list[list[int]]:
        told = call("runs", "export-all", "run > 0", *NUMBERS, "--order", order)
        assert told.exit_code == 0, told.stderr
        return [[*map(int, line.split(","))] for line in told.stdout.split()[1:]]

    rising = written("number")
    assert len(rising) > 1
    assert rising == sorted(rising)
    assert written("-number") == rising[::-1]


def test_a_query_is_explained_in_an_order() -> None:
    told = call("runs", "explain", "run > 0", "--order", "-number").stdout
    assert told.startswith("order: -number")


def test_an_order_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    refused = call("runs", "search", "--order", "latest")
    assert (refused.exit_code, "'newest'" in refused.stderr) == (2, True)
