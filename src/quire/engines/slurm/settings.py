"""What the table of a Slurm engine may say, beside its resources."""

from typing import Annotated

import msgspec

from quire.errors import InputError

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class SlurmSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How attempts are submitted.

    Attributes
    ----------
    python
        Interpreter on the nodes, with Quire installed.
    environment
        Joins what sbatch and the runners get of the server's own: HOME, LANG, PATH,
        SLURM_CONF, TZ, USER.
    options
        Further options of sbatch.
    preamble
        Lines of shell before the runner, such as ``module load``.
    output
        File on the nodes for what is said before the runner takes over, such as a
        missing interpreter; sbatch's patterns (``%j``) hold.
    patience
        Seconds that one of Slurm's commands may take.
    pilots
        Jobs of Slurm at one time that each do attempts one after another; 0 for a job
        of Slurm for every attempt.
    pilot_idle
        Seconds without an attempt after which a pilot ends.
    pilot_life
        Seconds after which a pilot begins no attempt any more.
    """

    python: str = "python3"
    environment: dict[str, str] = {}
    options: tuple[str, ...] = ()
    preamble: tuple[str, ...] = ()
    output: str = "/dev/null"
    patience: _Positive = 20.0
    pilots: Annotated[int, msgspec.Meta(ge=0)] = 0
    pilot_idle: _Positive = 60.0
    pilot_life: _Positive = 3600.0


_OURS = ("--job-name", "--parsable", "--export", "--requeue", "--array", "--wrap")


def check_options(settings: SlurmSettings, *, place: str) -> None:
    """Do nothing if the facility's options leave ours alone.

    Raises
    ------
    InputError
        One is ours to give; names the setting.
    """
    for option in settings.options:
        name = option.partition("=")[0]
        if name in _OURS or (name.startswith("-J") and name[1] != "-"):
            raise InputError(f"{place}.options", f"{name} is given by the server")
