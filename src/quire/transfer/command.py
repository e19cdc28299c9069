"""Receivers that are programs."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from quire.ports.transfer import Proceed, TransferProblem
from quire.products.receivers import CommandReceiver, Receiver
from quire.transfer.programs import waited

_MEND = "look at what the program says, then retry"


class CommandDelivery:
    """Runs a program that the settings name; what it means is its own affair.

    Parameters
    ----------
    commands
        Program and arguments by name; ``{file}`` stands for the product's path and
        ``{name}`` for its archive name. No shell sees them.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]]) -> None:
        self._commands = commands

    def takes(self, receiver: Receiver) -> bool:
        """Return whether the settings name it."""
        if not isinstance(receiver, CommandReceiver):
            return False
        return receiver.command in self._commands

    def host(self, receiver: Receiver) -> str:
        """Return this machine: whom a program reaches is its own affair."""
        del receiver
        return ""

    def deliver(
        self, receiver: Receiver, product: Path, name: str, *, proceed: Proceed
    ) -> None:
        """Run it once; it delivered if it ends with 0."""
        if not isinstance(receiver, CommandReceiver):
            raise TypeError(type(receiver))
        words = [
            word.replace("{file}", str(product)).replace("{name}", name)
            for word in self._commands[receiver.command]
        ]
        with tempfile.TemporaryFile("w+") as said:
            try:
                child = subprocess.Popen(  # noqa: S603 - the settings name the program
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            except OSError as problem:
                reason = f"it cannot be run: {problem.strerror or problem}"
                raise TransferProblem(receiver.command, reason, _MEND) from None
            status = waited(child, proceed)
            said.seek(0)
            lines = said.read(4000).strip().splitlines()
        if status:
            last = f": {lines[-1]}" if lines else ""
            reason = f"it ended with {status}{last}"
            raise TransferProblem(receiver.command, reason, _MEND)
