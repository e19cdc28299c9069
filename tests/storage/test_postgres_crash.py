import sys
from pathlib import Path

import pytest

from quire.testing.campaigns.documents import as_it_must
from quire.testing.campaigns.postgres import campaign

pytestmark = pytest.mark.crash


def test_nothing_acknowledged_is_lost_when_postgres_or_a_server_is_killed(
    tmp_path: Path,
) -> None:
    figures = campaign(tmp_path, cycles=5, seed=4)
    sys.stdout.write(figures.line())
    assert as_it_must(figures, control=False)


def test_clients_that_do_not_wait_for_the_reply_do_lose(tmp_path: Path) -> None:
    figures = campaign(tmp_path, cycles=3, seed=1, control=True)
    sys.stdout.write(figures.line())
    assert as_it_must(figures, control=True)
