"""What sbatch is told of an attempt (sbatch(1))."""

import math
import shlex
from collections.abc import Iterable, Sequence

from quire.errors import InputError
from quire.ports.launcher import Resources

OPTIONS = frozenset(
    {
        "account",
        "constraint",
        "exclude",
        "gpus",
        "gres",
        "licenses",
        "nodelist",
        "qos",
        "reservation",
        "tmp",
    }
)
"""Tags ``name=value`` that are handed on; a tag without a value is a node's feature."""
# Seconds that Slurm gives beyond ours, so that the runner ends itself and says why.
_GRACE = 60
_MINUTE = 60
_MIB = 2**20


def check_tags(tags: Iterable[str], *, place: str) -> None:
    """Do nothing if sbatch can be told all of them.

    Parameters
    ----------
    place
        The setting, for the error.

    Raises
    ------
    InputError
        One is no option that is handed on.
    """
    for tag in tags:
        name, is_option, value = tag.partition("=")
        if is_option and (name not in OPTIONS or not value):
            mend = f"a feature of nodes, or one of {', '.join(sorted(OPTIONS))} = ..."
            raise InputError(place, f"Slurm takes no tag {tag!r} from here", mend)


def resource_options(resources: Resources, *, seconds: float = 0.0) -> Sequence[str]:
    """Return the options that ask for resources.

    Parameters
    ----------
    seconds
        After which the runner ends the attempt, 0 for never.
    """
    options = ["--nodes=1", "--ntasks=1"]
    if resources.cores:
        options.append(f"--cpus-per-task={resources.cores}")
    if resources.memory:
        options.append(f"--mem={math.ceil(resources.memory / _MIB)}M")
    if resources.partition:
        options.append(f"--partition={resources.partition}")
    limit = resources.wall_clock or seconds
    if limit:
        options.append(f"--time={math.ceil((limit + _GRACE) / _MINUTE)}")
    features = [tag for tag in resources.tags if "=" not in tag]
    if features:
        options.append(f"--constraint={'&'.join(features)}")
    options += [f"--{tag}" for tag in resources.tags if "=" in tag]
    return options


def sbatch(
    name: str, options: Sequence[str], *, output: str, extra: Sequence[str] = ()
) -> Sequence[str]:
    """Return the command that submits the script on its standard input.

    It tells no secret: all users of a cluster can read a job's command and comment.

    Parameters
    ----------
    output
        File for what is said before the runner takes over.
    extra
        Further options, word by word as the facility gives them.
    """
    return (
        "sbatch",
        "--parsable",
        f"--job-name={name}",
        f"--output={output}",
        "--chdir=/",
        "--export=ALL",
        # Slurm must not start an attempt again: the next one is ours to make.
        "--no-requeue",
        *options,
        *extra,
    )


def script(command: Sequence[str], preamble: Sequence[str] = ()) -> str:
    """Return the batch script.

    The shell becomes the runner, so that signals for the script reach it.

    Parameters
    ----------
    preamble
        Lines of shell before it, such as ``module load``.
    """
    lines = ["#!/bin/sh", *preamble, f"exec {shlex.join(command)}"]
    return "\n".join(lines) + "\n"
