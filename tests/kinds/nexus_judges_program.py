"""Judges a NeXus file by nxvalidate and punx; prints what they say as JSON.

Run by `test_nexus_judges.py` as ``python nexus_judges_program.py FILE``, in an
environment with both. Their commands exit with 0 whatever they find.
"""
# mypy: ignore-errors

import contextlib
import io
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
PROGRAMS = Path(sys.executable).parent


def said(*command: str) -> str:
    done = subprocess.run(
        [PROGRAMS / command[0], *command[1:]],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ESCAPE.sub("", done.stdout)


def by_nxvalidate(file: str) -> list[str]:
    """Return each error with the group or field that it is about."""
    text = said("nxvalidate", "-e", file)
    count = re.search(r"Total number of errors: (\d+)", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [
        f"{before}: {line}"
        for before, line in itertools.pairwise(lines)
        if line.startswith(("This ", "There ", '"'))
    ]
    if count is None and "No application definition" not in text:
        raise SystemExit(text)
    if count is not None and int(count[1]) != len(found):
        raise SystemExit(f"{count[1]} errors, {len(found)} read in:\n{text}")
    return found


def by_punx(file: str) -> list[str]:
    """Return the findings that are errors."""
    text = said("punx", "validate", file, "--report=ERROR")
    if "summary statistics" not in text:
        raise SystemExit(text)
    rows = (line.split(None, 2) for line in text.splitlines())
    return [" ".join(row) for row in rows if len(row) > 2 and row[1] == "ERROR"]


with contextlib.redirect_stderr(io.StringIO()):
    verdict = {
        "nxvalidate": by_nxvalidate(sys.argv[1]),
        "punx": by_punx(sys.argv[1]),
    }
sys.stdout.write(json.dumps(verdict))
