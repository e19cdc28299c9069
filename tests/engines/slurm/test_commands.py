"""Running Slurm's programs, whatever they do with what they are given."""

import shutil
from pathlib import Path

import pytest
import uvloop

from quire.engines.slurm.commands import Commands
from quire.engines.slurm.launcher import SlurmLauncher
from quire.engines.slurm.settings import SlurmSettings
from quire.ports.launcher import LauncherAway, LaunchRefused

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


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """Programs of a Slurm that say in new words why they do nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("squeue", "sbatch", "scontrol", "scancel", "sacct"):
        program = folder / name
        program.write_text("#!/bin/sh\necho the plug-in broke >&2\nexit 1\n")
        program.chmod(0o755)
    return {"PATH": str(folder)}


async def test_a_server_starts_whatever_slurm_says(
    broken: dict[str, str], tmp_path: Path
) -> None:
    launcher = SlurmLauncher(tmp_path, SlurmSettings(environment=broken))
    await launcher.start()
    with pytest.raises(LauncherAway, match="the plug-in broke"):
        await launcher.poll([("job", 1)])


@pytest.mark.parametrize(
    "said",
    [
        "sbatch: fatal: Could not establish a configuration source",
        (
            "sbatch: error: Batch job submission failed: Required partition not available"
            " (inactive or drain)"
        ),
        (
            "sbatch: error: Batch job submission failed: Required node not available"
            " (down, drained or reserved)"
        ),
        "sbatch: error: AssocMaxSubmitJobLimit",
        "sbatch: error: QOSMaxSubmitJobPerUserLimit",
        "sbatch: error: AssocGrpSubmitJobsLimit",
        (
            "sbatch: error: Batch job submission failed: Unable to contact slurm controller"
            " (connect failure)"
        ),
        "sbatch: error: Batch job submission failed: Resource temporarily unavailable",
    ],
)
async def test_what_may_do_later_is_no_refusal(said: str, tmp_path: Path) -> None:
    program = tmp_path / "sbatch"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(LauncherAway):
        await Commands({}).run(str(program))
