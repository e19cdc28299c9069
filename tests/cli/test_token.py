import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quire.cli.main import app


@pytest.mark.parametrize(
    ("words", "told"),
    [
        # As of a variable that is not set: it would be a token of one's own.
        (("",), "user: is empty"),
        (("--user", ""), "user: is empty"),
        (("amy", "--days", "nan"), "--days: must be more than 0"),
        (("amy", "--days", "inf"), "--days: must be more than 0"),
        (("amy", "--days", "0"), "--days: must be more than 0"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_token_of_nobody_or_of_no_time_is_refused(
    words: tuple[str, ...], told: str
) -> None:
    result = CliRunner().invoke(app, ["token", "create", *words])
    assert result.exit_code == 2
    assert told in result.stderr


def test_output_that_finds_no_room_is_told_in_a_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "quire", "doctor", "--json", str(tmp_path)],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert (
        done.stderr == "quire: nothing more can be written: No space left on device\n"
    )
