from pathlib import Path

import pytest

from quire.testing.campaigns.documents import campaign

pytestmark = pytest.mark.crash


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    figures = campaign(tmp_path / "data", cycles=5, seed=1)

    assert figures.acknowledged >= figures.cycles
    assert (figures.lost, figures.doubled, figures.refused) == (0, 0, ())
    assert figures.stored >= figures.acknowledged


def test_a_client_that_counts_too_early_loses(tmp_path: Path) -> None:
    figures = campaign(tmp_path / "data", cycles=5, seed=2, control=True)

    assert figures.lost > 0
