import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.writers.fits.judging import judged_products, unjudged

from quire.testing.faults.sharing_disk import cannot_share, sharing_disk
from quire.testing.not_proved import not_proved

__all__ = ("judged_products", "unjudged")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system whose files can share blocks."""
    if reason := cannot_share():
        mend = "run as root with xfsprogs and loop devices"
        pytest.skip(not_proved("sharing blocks", why=reason, mend=mend))
    with contextlib.ExitStack() as stack:
        try:
            place = stack.enter_context(sharing_disk(tmp_path))
        except subprocess.CalledProcessError as problem:
            why, mend = problem.stderr.decode(), "run as root with loop devices"
            pytest.skip(not_proved("sharing blocks", why=why, mend=mend))
        yield place
