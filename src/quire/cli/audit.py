"""`quire audit`."""

from typing import TYPE_CHECKING, Annotated

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json
from quire.cli.surveys import Database, Folder, Lines, settings_of, survey_of

if TYPE_CHECKING:
    from quire.storage.surveying.audit import Check


def audit(
    folder: Folder = None,
    *,
    database: Database = None,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="Read the files, too, and compare hashes.")
    ] = False,
    allow_waiting: Annotated[
        bool,
        typer.Option(
            "--allow-waiting", help="List documents that wait for others; no fault."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Look at all that is stored; exit code 1 if anything is missing or wrong.

    Nothing is changed, and servers may go on meanwhile.
    """
    from quire.storage.surveying.audit import Audit

    settings = settings_of(folder, database)
    survey, lines = survey_of(settings), Lines()
    looking = Audit(
        survey,
        settings.data_folder.absolute(),
        lambda name, count: lines(f"{name}: {count:,}"),
        hashes=hashes,
        allow_waiting=allow_waiting,
    )
    checks = []
    for check in looking.checks():
        _tell(check)
        if not json:
            put(_line(check))
        checks.append(check)
    survey.close()
    good = all(check.good for check in checks)
    if json:
        where = str(settings.data_folder)
        put_json({"data_folder": where, "good": good, "checks": checks})
    raise typer.Exit(Outcome.COMPLETE if good else Outcome.FAILED)


def _tell(check: "Check") -> None:
    for problem in check.problems:
        say(f"quire: {problem}")
    if check.wrong > len(check.problems):
        say(f"quire: {check.name}: {check.wrong - len(check.problems):,} more")


def _line(check: "Check") -> str:
    verdict = "ok" if check.good else "NO"
    wrong = f", {check.wrong:,} wrong" if check.wrong and not check.good else ""
    if check.wrong and check.good:
        wrong = f", {check.wrong:,} listed"
    note = f" ({check.note})" if check.note else ""
    return f"{verdict:4}{check.name}: {check.looked_at:,}{wrong}{note}"
