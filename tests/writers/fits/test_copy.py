import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.writers.fits.copy import (
    CHUNK,
    Copier,
    CopyEngine,
    CutShort,
    engines,
    read_write,
    shift,
)

SIZE = CHUNK * 2 + 12_345


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[int, int]]:
    (tmp_path / "source").write_bytes(os.urandom(SIZE))
    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield source, target
    os.close(source)
    os.close(target)


def refusing(number: int) -> CopyEngine:
    def refuse(*_: int) -> int:
        raise OSError(number, os.strerror(number))

    return refuse


def one_byte_less(
    source: int, target: int, count: int, source_offset: int, offset: int
) -> int:
    return read_write(source, target, max(1, count - 1), source_offset, offset)


def nothing(*_: int) -> int:
    return 0


@pytest.mark.parametrize(
    "ways",
    [
        engines(),
        (read_write,),
        (one_byte_less,),
        (nothing, read_write),
        *(
            (refusing(number), read_write)
            for number in (
                errno.EXDEV,
                errno.EINVAL,
                errno.EOPNOTSUPP,
                errno.ENOSYS,
            )
        ),
    ],
)
def test_every_engine_copies_the_same_bytes(
    tmp_path: Path, files: tuple[int, int], ways: tuple[CopyEngine, ...]
) -> None:
    steps: list[int] = []

    Copier(ways, steps.append).copy(*files, SIZE - 7, source_offset=7, offset=100)

    source, target = (tmp_path / name for name in ("source", "target"))
    assert target.read_bytes()[100:] == source.read_bytes()[7:]
    assert sum(steps) == SIZE - 7
    assert max(steps) <= CHUNK


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_what_the_disk_refuses_is_not_tried_again(
    files: tuple[int, int], number: int
) -> None:
    copier = Copier((refusing(number), read_write), lambda _: None)

    with pytest.raises(OSError) as caught:  # noqa: PT011 - told by its number
        copier.copy(*files, SIZE, source_offset=0, offset=0)
    assert caught.value.errno == number


def test_a_source_that_ends_early_is_told(files: tuple[int, int]) -> None:
    with pytest.raises(CutShort):
        Copier(engines(), lambda _: None).copy(
            *files, SIZE + 1, source_offset=0, offset=0
        )


def test_it_stops_within_8_mib(files: tuple[int, int]) -> None:
    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Copier(engines(), stop).copy(*files, SIZE, source_offset=0, offset=0)
    assert os.fstat(files[1]).st_size <= CHUNK == 8 * 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_a_file_is_moved_back_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    content = os.urandom(size)
    path.write_bytes(content)
    with path.open("r+b") as stream:
        shift(stream.fileno(), 100)
    assert path.read_bytes()[100:] == content
