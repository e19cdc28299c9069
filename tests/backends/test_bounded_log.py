import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from quire.backends.bounded_log import BoundedLog

MOST, KEPT = 40, 15


def logged(file: Path, write: Callable[[BoundedLog], None]) -> bytes:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write(BoundedLog(descriptor, most=MOST, kept=KEPT))
    finally:
        os.close(descriptor)
    return file.read_bytes()


@given(st.lists(st.binary(max_size=60), max_size=30))
def test_it_keeps_the_newest_bytes_and_no_more_than_it_may(pieces: list[bytes]) -> None:
    def write(log: BoundedLog) -> None:
        for piece in pieces:
            log.write(piece)

    everything = b"".join(pieces)
    with TemporaryDirectory() as folder:
        found = logged(Path(folder) / "log", write)
    assert everything.endswith(found)
    assert len(found) <= MOST
    assert len(found) >= min(len(everything), KEPT)


def test_a_short_one_is_kept_whole(tmp_path: Path) -> None:
    said = b"x" * MOST
    assert logged(tmp_path / "log", lambda log: log.write(said)) == said
