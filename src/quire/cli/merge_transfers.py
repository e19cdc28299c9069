"""Where `quire merge` has its sources from, and whom it hands the product on to."""

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from quire.cli.outcomes import say
from quire.errors import InputError, ManyInputErrors


class MergeTransfers:
    """What the table ``[transfers]`` of a file of settings allows.

    Parameters
    ----------
    settings
        None for what needs no settings: files and folders of this machine.
    """

    def __init__(self, settings: Path | None) -> None:
        from quire.transfer.settings import transfers

        self._having = transfers(_table(settings) if settings else {})

    def check(self, specification: Any) -> None:
        """Do nothing if all sources can be had, and all receivers be served.

        Raises
        ------
        ManyInputErrors
            Those that cannot.
        """
        from quire.kinds.merge.collecting import transfer_of
        from quire.kinds.merge.releasing import delivery_of
        from quire.ports.transfer import TransferProblem

        wrong = []
        mend = "allow it under [transfers] of a file that --settings names"
        for file in specification.files:
            if not _is_local(file.location):
                try:
                    transfer_of(file.location, self._having.fetching)
                except TransferProblem as problem:
                    field = f"source {file.source_name}"
                    wrong.append(InputError(field, problem.reason, mend))
        for number, receiver in enumerate(specification.receivers):
            try:
                delivery_of(receiver, self._having.delivering)
            except TransferProblem as problem:
                reason = f"{problem.place}: it may not be delivered there"
                wrong.append(InputError(f"/receivers/{number}", reason, mend))
        if wrong:
            raise ManyInputErrors(wrong)

    def collect(self, specification: Any, base: Path, folder: Path) -> dict[str, Path]:
        """Return where each source is, fetched into a folder if it was elsewhere.

        Parameters
        ----------
        base
            What relative locations are relative to.

        Raises
        ------
        TransferProblem
            One is not to be had.
        """
        from quire.kinds.merge.collecting import transfer_of

        found: dict[str, Path] = {}
        for number, file in enumerate(specification.files):
            location = file.location
            if _is_local(location):
                found[location] = base / location
            elif location not in found:
                say(f"Collecting {location}")
                found[location] = folder / f"source-{number}.fits"
                transfer = transfer_of(location, self._having.fetching)
                transfer.fetch(
                    location, found[location], private=True, proceed=lambda _: None
                )
        return found

    def release(self, specification: Any, part: Any, product: Path) -> None:
        """Hand a published product on.

        Raises
        ------
        Stuck
            Receivers refused: one alert each; the others have it.
        """
        from quire.kinds.merge.releasing import Releasing
        from quire.kinds.merge.slots import TRANSFERS, HostSlots

        Releasing(
            specification,
            self._having.delivering,
            _NoMarks(),
            done=product.parent,
            slots=HostSlots(product.parent / TRANSFERS, per_host=0),  # it is alone
            proceed=lambda: None,
        ).run(replace(part, file=product), say)


class _NoMarks:
    """Marks of a merge that nobody goes on with."""

    def find(self, name: str) -> bytes | None:
        """Return nothing."""
        del name
        return None

    def put(self, name: str, content: bytes, says: str) -> None:
        """Tell it."""
        del name, content
        say(says)

    def remove(self, name: str) -> None:
        """Do nothing."""


def _is_local(location: str) -> bool:
    from quire.products.specification import host_and_path

    return not host_and_path(location)[0] and "://" not in location


def _table(settings: Path) -> dict[str, Any]:
    try:
        with settings.open("rb") as stream:
            table = tomllib.load(stream).get("transfers", {})
    except OSError as error:
        raise InputError(str(settings), str(error.strerror)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(str(settings), f"is not TOML: {error}") from None
    with suppress(TypeError, ValueError):
        return dict(table)
    raise InputError(str(settings), "[transfers] is no table")
