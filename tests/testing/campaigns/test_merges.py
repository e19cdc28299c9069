from pathlib import Path

import pytest

from quire.testing.campaigns.merges import campaign

pytestmark = pytest.mark.crash


def test_a_killed_merge_makes_one_product(tmp_path: Path) -> None:
    verdicts = campaign(tmp_path, points=("Copying cam2", "Merged"))
    assert len(verdicts) == 4
    assert [one for one in verdicts if one.problems] == []
    assert max(one.attempts for one in verdicts) == 2


def test_the_campaign_sees_what_is_wrong(tmp_path: Path) -> None:
    (found,) = campaign(
        tmp_path, victims=("worker",), points=("Verifying",), control=True
    )
    assert "2 products" in found.problems
    assert len(found.problems) > 1
