"""How a job of Slurm ended, in words for a log."""

import contextlib
import re

from quire.engines.slurm.commands import Commands
from quire.ports.launcher import LauncherAway, LaunchRefused

_SHOWN = ("JobState", "Reason", "ExitCode", "NodeList")
_NOTHING = (None, "", "None", "(null)")
_FIELD = re.compile(r"(\w+)=(\S*)")
_ACCOUNTED = ("State", "ExitCode", "NodeList")
# sacct looks from the last midnight on unless it is told otherwise.
_SINCE = "now-7days"


async def ending(commands: Commands, *, number: str, name: str) -> str:
    """Return what Slurm knows of a job that is over; empty for nothing.

    The controller forgets a job some minutes after its end (``MinJobAge``); accounting
    remembers it, where there is any.

    Parameters
    ----------
    number
        Slurm's own, which may have been given again to a job of another name; empty if
        it is not known.
    """
    if number:
        # What it says of an unknown number is no trouble of ours.
        with contextlib.suppress(LauncherAway, LaunchRefused):
            told = await commands.run("scontrol", "show", "job", "--oneliner", number)
            found = shown(told, name)
            if found:
                return found
    with contextlib.suppress(LauncherAway, LaunchRefused):
        return accounted(
            await commands.run(
                *("sacct", "--noheader", "--parsable2", "--allocations"),
                *(f"--name={name}", f"--starttime={_SINCE}"),
                f"--format={','.join(_ACCOUNTED)}",
            )
        )
    return ""


def shown(told: str, name: str) -> str:
    """Return what one line of ``scontrol show job`` says, if it is of that name."""
    fields = dict(_FIELD.findall(told))
    if fields.get("JobName") != name:
        return ""
    known = [field for field in _SHOWN if fields.get(field) not in _NOTHING]
    return ", ".join(f"{field} {fields[field]}" for field in known)


def accounted(told: str) -> str:
    """Return what the last line of sacct says; empty for none."""
    lines = [line.split("|") for line in told.splitlines() if line]
    if not lines or len(lines[-1]) != len(_ACCOUNTED):
        return ""
    fields = zip(_ACCOUNTED, lines[-1], strict=True)
    return ", ".join(f"{field} {value}" for field, value in fields if value)
