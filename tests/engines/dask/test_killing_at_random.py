import random
from pathlib import Path

import pytest

from quire.testing.campaigns.dask import campaign

KILLS = 6


@pytest.mark.crash
def test_no_job_is_lost_and_none_has_two_ends(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    found = campaign(tmp_path, kills=KILLS, seed=seed)
    assert not found.problems, f"seed {seed}: {found}"
    assert found.jobs
    assert sum(found.kills.values()) == KILLS
