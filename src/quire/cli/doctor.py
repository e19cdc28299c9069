"""`quire doctor`: which promises hold on this machine."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from quire.cli.checks import Check
from quire.cli.options import Json
from quire.cli.outcomes import Outcome
from quire.cli.output import put, put_json
from quire.cli.surveys import Database, settings_of

_ROUNDS = 40
# A flush that no disk with a platter, a flash chip or a safe cache can do.
_TOO_GOOD = 20e-6
_RESERVE = 2 * 2**30
_SQLITE = (3, 51, 3)
# That of a virtual machine's host; a container may have no other.
_OF_HOST = "9p"
_VOLATILE = ("tmpfs", "ramfs")
_SKEW_SECONDS = 2.0


def doctor(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Data folder; by default the platform's."),
    ] = None,
    *,
    database: Database = None,
    json: Json = False,
) -> None:
    """Say which promises hold on this machine; exit code 1 if one does not."""
    settings = settings_of(folder, database)
    chosen = settings.data_folder
    checks = list(_checks(_existing(chosen), alone=not settings.database.url))
    if settings.database.url:
        from quire.cli.doctor_database import database_checks

        checks += database_checks(settings.database)
    if json:
        put_json({"data_folder": str(chosen), "checks": checks})
    else:
        put(f"data folder: {chosen}")
        for check in checks:
            verdict = "ok" if check.good else "NO"
            put(f"{verdict:4}{check.name}: {check.found}\n    {check.promise}")
    good = all(check.good for check in checks)
    raise typer.Exit(Outcome.COMPLETE if good else Outcome.FAILED)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _checks(folder: Path, *, alone: bool) -> Iterator[Check]:
    """Yield what holds where one server has the folder alone, or several share it."""
    yield _python()
    if alone:
        yield _sqlite()
    yield _file_system(folder, alone=alone)
    yield _space(folder)
    yield _confinement()
    yield _limits()
    try:
        with tempfile.TemporaryDirectory(
            prefix=".quire-doctor-", dir=folder
        ) as scratch:
            yield _flush(Path(scratch))
            yield _clock(Path(scratch))
    except OSError as error:
        promise = "Nothing can be kept there; choose another folder."
        found = str(error.strerror)
        yield Check(name="writing", good=False, found=found, promise=promise)


def _python() -> Check:
    version = sys.version.split()[0]
    good = sys.version_info >= (3, 11)
    promise = "Quire runs." if good else "Quire needs Python 3.11 or newer."
    return Check(name="Python", good=good, found=version, promise=promise)


def _confinement() -> Check:
    from quire.actions.calculating.remote import confinement
    from quire.errors import QuireError

    try:
        held = confinement()
    except QuireError as error:
        held, found = (), str(error)
    else:
        found = ", ".join(held) or "nothing"
    good = not {"namespaces", "seccomp"}.isdisjoint(held)
    promise = "Functions of projections run confined."
    if not good:
        promise = "Calculated entries of projections are off."
    return Check(name="confinement", good=good, found=found, promise=promise)


def _limits() -> Check:
    from quire.engines.embedded.enforcement import control_groups, enforcements

    every = enforcements()
    found = "; ".join(f"{one.limit}: {one.means}" for one in every)
    broken = [one.limit for one in every if not one.holds]
    promise = (
        "An attempt of the embedded engine that passes its limit is killed with all that"
        " it started; between two looks it may go beyond. No limit rests on cgroups:"
        f" here are {control_groups()}."
    )
    if broken:
        promise = f"Tried here, and not kept: {', '.join(broken)}."
    return Check(name="limits of jobs", good=not broken, found=found, promise=promise)


def _sqlite() -> Check:
    import apsw

    version = apsw.sqlite_lib_version()
    good = tuple(int(part) for part in version.split(".")) >= _SQLITE
    promise = (
        "The store's log cannot lose a checkpoint."
        if good
        else "This SQLite can lose acknowledged documents; update apsw."
    )
    return Check(name="SQLite", good=good, found=version, promise=promise)


def _file_system(folder: Path, *, alone: bool) -> Check:
    from quire.storage.sqlite.folder import is_network

    kind = _kind_of(folder)
    if not alone and kind not in _VOLATILE:
        good, promise = True, "All servers of the database must see this same folder."
    elif is_network(kind) or kind == _OF_HOST:
        good, promise = (
            False,
            "SQLite cannot promise durability there; use a local disk.",
        )
    elif kind in _VOLATILE:
        good, promise = False, "It is memory: everything is gone after a restart."
    else:
        good, promise = (
            True,
            "One server at a time owns the folder, and its locks hold.",
        )
    return Check(
        name="file system", good=good, found=kind or "unknown", promise=promise
    )


def _kind_of(folder: Path) -> str:
    from quire.storage.sqlite.folder import file_system

    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
    return file_system(folder.resolve(), mounts)


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    good = free >= _RESERVE
    promise = (
        "There is room; a full disk would be refused before anything is acknowledged."
        if good
        else "Documents will soon be refused; free some space."
    )
    return Check(
        name="free space", good=good, found=f"{free / 1e9:.1f} GB", promise=promise
    )


def _flush(folder: Path) -> Check:
    typical = _seconds_a_flush(folder / "flush")
    good = typical >= _TOO_GOOD
    promise = (
        "What is acknowledged is on disk, and survives a power failure."
        if good
        else "No disk is that fast: it acknowledges before it has stored. A power"
        " failure can lose what was acknowledged."
    )
    found = f"{typical * 1e3:.3f} ms"
    return Check(name="flush to disk", good=good, found=found, promise=promise)


def _seconds_a_flush(file: Path) -> float:
    taken = []
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for number in range(_ROUNDS):
            begun = time.perf_counter()
            os.pwrite(descriptor, os.urandom(4096), number * 4096)
            os.fsync(descriptor)
            taken.append(time.perf_counter() - begun)
    finally:
        os.close(descriptor)
    return sorted(taken)[_ROUNDS // 2]


def _clock(folder: Path) -> Check:
    file = folder / "clock"
    file.touch()
    now, written = time.time(), file.stat().st_mtime
    installed = Path(__file__).stat().st_mtime
    good = abs(now - written) < _SKEW_SECONDS and now > installed
    promise = (
        "Times of runs and jobs can be believed as far as this clock can."
        if good
        else "The clock is wrong, or the disk's is another; runs would be out of order."
    )
    found = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return Check(name="clock", good=good, found=found, promise=promise)
