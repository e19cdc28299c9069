"""The command that runs one attempt, on whatever machine a scheduler chose."""

from collections.abc import Mapping

from quire.ports.launcher import RunnerOrder

TOKEN_VARIABLE = "QUIRE_ATTEMPT_TOKEN"  # noqa: S105  # a variable's name
_USUAL = RunnerOrder(job="", attempt=0, kind="", url="", token="")


def runner_command(
    order: RunnerOrder, *, python: str = "python3", token_file: str = ""
) -> tuple[str, ...]:
    """Return the command, free of secrets.

    ``python -m quire.runner --url URL --token-file FILE --job ID --attempt N`` and what
    differs from the usual. The program ends with code 0 once nothing of the attempt is
    left, whatever became of it: the job's row tells that. It sweeps and ends when it
    hears SIGTERM.

    Parameters
    ----------
    python
        Interpreter on the runner's machine, with Quire installed.
    token_file
        Readable by its owner alone; ``-`` for standard input; empty if the token is in
        the environment (`runner_environment`).
    """
    words = [python, "-m", "quire.runner", "--url", order.url]
    words += ["--job", order.job, "--attempt", str(order.attempt)]
    words += [word for other in order.others for word in ("--other", other)]
    if token_file:
        words += ["--token-file", token_file]
    options: Mapping[str, object] = {
        "kind": order.kind,
        "deadline": order.deadline,
        "memory": order.memory,
        "cpu-seconds": order.cpu_seconds,
        "processes": order.processes,
        "data-folder": order.data_folder,
        "address-file": order.address_file,
        "scratch": order.scratch,
        "kinds": order.kinds,
        "tables": order.tables,
        "beat": order.beat,
    }
    for name, value in options.items():
        if value != getattr(_USUAL, name.replace("-", "_")):
            words += [f"--{name}", str(value)]
    return tuple(words)


def runner_environment(order: RunnerOrder) -> dict[str, str]:
    """Return what the runner's environment needs where no file holds the token."""
    return {TOKEN_VARIABLE: order.token}
