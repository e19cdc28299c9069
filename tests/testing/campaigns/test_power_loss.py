from pathlib import Path

import pytest

from quire.testing.campaigns.ledger import Ledger
from quire.testing.campaigns.power_loss import campaign
from quire.testing.campaigns.server import ServerProcess
from quire.testing.not_proved import not_proved
from quire.testing.power_loss.disk import missing, mounted

pytestmark = [
    pytest.mark.crash,
    pytest.mark.usefixtures("records_in_the_folder"),
    pytest.mark.skipif(
        bool(missing()),
        reason=not_proved(
            "power loss",
            why=missing(),
            mend="run with fuse3 and a /dev/fuse that can be opened",
        ),
    ),
]


def test_nothing_acknowledged_is_lost_when_the_power_goes(tmp_path: Path) -> None:
    figures = campaign(tmp_path, cycles=4, seed=1)

    assert figures.acknowledged >= figures.cycles
    assert (figures.lost, figures.doubled, figures.refused) == (0, 0, ())
    assert figures.stored >= figures.acknowledged


def test_commits_without_a_full_sync_lose(tmp_path: Path) -> None:
    figures = campaign(tmp_path, cycles=4, seed=2, control=True)

    assert figures.lost > 0


def test_a_new_data_folder_is_kept_with_what_it_holds(tmp_path: Path) -> None:
    with mounted(tmp_path) as disk:
        server = ServerProcess(disk.mountpoint / "above" / "data")
        server.start()
        with server.http() as http:
            ledger = Ledger(seed=5)
            ledger.send(http, ledger.batch(5))
        disk.pull_plug()
        server.kill()
        disk.cut()
        disk.mount()
        server.start()
        try:
            with server.http() as http:
                assert ledger.problems(http) == []
        finally:
            server.kill()
