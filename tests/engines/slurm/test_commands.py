"""Running Slurm's programs, whatever they do with what they are given."""

import shutil

import pytest
import uvloop

from quire.engines.slurm.commands import Commands
from quire.ports.launcher import LaunchRefused

TRUE, FALSE, CAT = (shutil.which(name) or name for name in ("true", "false", "cat"))


def test_a_program_may_be_over_before_it_reads() -> None:
    async def often() -> None:
        commands = Commands({}, patience=30.0)
        for _ in range(100):
            assert await commands.run(TRUE, text="x" * 1000) == ""

    uvloop.run(often())


def test_a_program_gets_all_of_its_text() -> None:
    async def once() -> str:
        return await Commands({}, patience=30.0).run(CAT, text="é" * 500_000)

    assert uvloop.run(once()) == "é" * 500_000


def test_a_program_that_fails_is_told() -> None:
    async def once() -> str:
        return await Commands({}, patience=30.0).run(FALSE)

    with pytest.raises(LaunchRefused, match="without a word"):
        uvloop.run(once())
