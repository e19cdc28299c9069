"""Slurm's commands, run without waiting in the event loop."""

import asyncio
import os
import tempfile
from collections.abc import Mapping

from quire.ports.launcher import LauncherAway, LaunchRefused

# What else of the server's environment a job gets.
_KEPT = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SLURM_CONF", "TZ", "USER")
# Parts of what Slurm says where the same command may do later; lower case.
_LATER = (
    "backup controller in standby",
    "configuration source",  # the name server, where Slurm has no file here
    "connection",
    "munge",
    "not available (",  # a partition or a node that is drained
    "not responding",
    "resource temporarily unavailable",
    "socket",
    "submitjob",  # all limits of how many may wait
    "temporarily",
    "timed out",
    "unable to contact",
    "unable to establish",
    "unexpected message",
    "zero bytes",
)


class Commands:
    """Runs Slurm's commands.

    Parameters
    ----------
    environment
        Replaces or joins the few variables of the server's own that they get, such as
        ``SLURM_CONF``.
    patience
        Seconds that one may take; sbatch itself would try again for minutes.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, *, patience: float = 20.0
    ) -> None:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._environment = {**kept, **(environment or {})}
        self._patience = patience

    async def run(
        self,
        *command: str,
        text: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command and return what it says.

        Parameters
        ----------
        text
            Its standard input.
        environment
            Joins that of all commands.

        Raises
        ------
        LauncherAway
            It may do later; whether it has done its work is not known.
        LaunchRefused
            Slurm says that it will not do.
        """
        # A file, no pipe: a program may be over before one could be written to.
        with tempfile.TemporaryFile() as given:
            given.write(text.encode())
            given.seek(0)
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=given,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    env={**self._environment, **(environment or {})},
                    start_new_session=True,  # Ctrl-C is for the server
                )
            except OSError as problem:
                raise LauncherAway(f"{command[0]}: {problem}") from None
        try:
            async with asyncio.timeout(self._patience):
                said, complaint = await process.communicate()
        except BaseException as problem:
            if process.returncode is None:
                process.kill()
            await process.wait()
            if not isinstance(problem, TimeoutError):
                raise
            reason = f"{command[0]} took longer than {self._patience:g} s"
            raise LauncherAway(reason) from None
        if process.returncode:
            raise _failure(command[0], complaint.decode(errors="replace"))
        return said.decode(errors="replace").strip()


def _failure(program: str, complaint: str) -> LauncherAway | LaunchRefused:
    words = " ".join(complaint.split()) or f"{program} failed without a word"
    later = any(part in words.lower() for part in _LATER)
    return LauncherAway(words) if later else LaunchRefused(words)
