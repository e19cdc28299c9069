import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.writers.fits.judging import judged_products, unjudged

from quire.testing.faults.sharing_disk import cannot_share, sharing_disk

__all__ = ("judged_products", "unjudged")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system whose files can share blocks."""
    if reason := cannot_share():
        pytest.skip(f"no reflink is tested: {reason}")
    with contextlib.ExitStack() as stack:
        try:
            place = stack.enter_context(sharing_disk(tmp_path))
        except subprocess.CalledProcessError as problem:
            pytest.skip(f"no reflink is tested: {problem.stderr.decode()}")
        yield place
