import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from quire.backends.processes import _children_by_search
from quire.engines.embedded.processes import (
    MARKER,
    children,
    descendants,
    kill_marked,
)

CHAIN = """
import subprocess, sys, time
if sys.argv[1] != "0":
    subprocess.Popen([sys.executable, "-c", sys.argv[2], str(int(sys.argv[1]) - 1),
                      sys.argv[2]], start_new_session=True)
else:
    print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def marker() -> str:
    # Other tests run beside these.
    return uuid.uuid4().hex


@pytest.fixture
def chain(marker: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHAIN, "2", CHAIN],
        stdout=subprocess.PIPE,
        env={MARKER: f"{marker}/0/"},
    )
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        kill_marked(marker)


def test_descendants_are_found_down_to_the_last(chain: int) -> None:
    assert len(list(descendants(chain))) == 2


def test_both_ways_to_find_children_agree(chain: int) -> None:
    assert children(chain) == _children_by_search(chain) != []


def test_only_marked_processes_are_killed(marker: str, chain: int) -> None:
    assert kill_marked(f"{marker}/1/") == 0
    assert kill_marked(f"{marker}/0/") == 3
    assert kill_marked(f"{marker}/0/") == 0
    assert not list(descendants(chain))
