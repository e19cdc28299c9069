"""Exit codes, and how errors are told on a command line."""

import errno
import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from quire.errors import InputError, QuireError


class Outcome(IntEnum):
    """What a command's exit code means."""

    COMPLETE = 0
    FAILED = 1
    USAGE = 2
    CONNECTION_LOST = 3
    BLOCKED = 4
    TIMEOUT = 124
    INTERRUPTED = 130


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_ANSWER = frozenset({"connection_lost", "no_server"})


class Commands(TyperGroup):
    """A group whose commands fail by our errors, in one line and with our codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(Outcome.INTERRUPTED) from None
        except QuireError as error:
            fail(error)
        except OSError as error:
            if error.filename is None and error.errno in _FULL:
                fail(QuireError(f"nothing more can be written: {error.strerror}"))
            # What else names no file is no mistake of whoever has typed one.
            if error.filename is None:
                raise
            fail(QuireError(f"{os.fsdecode(error.filename)}: {error.strerror}"))


def fail(error: QuireError) -> NoReturn:
    """Tell an error and end the command."""
    say(f"quire: {error}")
    raise typer.Exit(code_of(error)) from error


def code_of(error: QuireError) -> Outcome:
    """Return the exit code of an error."""
    if error.code in _NO_ANSWER:
        return Outcome.CONNECTION_LOST
    return Outcome.USAGE if isinstance(error, InputError) else Outcome.FAILED


def say(words: str) -> None:
    """Tell a person something; results alone go to stdout."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
