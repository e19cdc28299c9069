"""`quire rebuild`."""

import asyncio
import getpass
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json
from quire.cli.surveys import Database, Folder, Lines, settings_of, survey_of
from quire.errors import StoreUnavailable

if TYPE_CHECKING:
    from quire.actions.rebuilding import Rebuilt
    from quire.app.keeping import Keeping
    from quire.config import Settings
    from quire.storage.surveying.survey import Survey

_MOST_LINES = 100
# `quire.storage.parquet.files`: each can be deleted at any time, and is made again.
_COLUMN_FILES = "streams"


def rebuild(
    folder: Folder = None,
    *,
    database: Database = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell which runs would change.")
    ] = False,
    json: Json = False,
) -> None:
    """Fold every run anew from its documents, and make anew what searches use.

    No server may use the store meanwhile. What people said, jobs and products stay.
    Repeat it after anything that went wrong. Exit code 1 if a run cannot be folded.
    """
    settings = settings_of(folder, database)
    survey = survey_of(settings)
    try:
        survey.refuse_servers()
    except StoreUnavailable as problem:
        say(f"quire: {problem}")
        raise typer.Exit(Outcome.BLOCKED) from problem
    if not dry_run:
        survey.forget_views()
        _forget_column_files(settings.data_folder)
    done = asyncio.run(_rebuilt(settings, survey, write=not dry_run))
    survey.close()
    _tell(done)
    counts = dict(Counter(one for each in done.different for one in each.fields))
    if json:
        put_json(
            {
                "data_folder": str(settings.data_folder),
                "written": not dry_run,
                "runs": done.runs,
                "different": done.different,
                "fields": counts,
                "unfit": done.unfit,
            }
        )
    else:
        end = "" if dry_run or not done.different else ", and is mended"
        put(f"{done.runs:,} runs folded; {len(done.different):,} stored otherwise{end}")
        for field, count in sorted(counts.items()):
            put(f"    {field}: {count:,}")
    raise typer.Exit(Outcome.FAILED if done.unfit else Outcome.COMPLETE)


async def _rebuilt(settings: "Settings", survey: "Survey", *, write: bool) -> "Rebuilt":
    from quire.actions.rebuilding import Rebuilding
    from quire.app.keeping import kept
    from quire.clock import SystemClock

    async with kept(settings, on_fatal=_give_up) as keeping:
        uids = await asyncio.to_thread(survey.runs)
        rebuilding = Rebuilding(keeping.store, SystemClock(), owner=getpass.getuser())
        done = await rebuilding(uids, _Progress(len(uids)), write=write)
        if write:
            await _describe(settings, keeping)
    return done


async def _describe(settings: "Settings", keeping: "Keeping") -> None:
    """Feed the indexes, as a server would behind its work."""
    from quire.actions.index_runs import RunIndexer
    from quire.app.run_parts import described_by

    say("making anew what searches use")
    indexer = RunIndexer(
        keeping.store, keeping.doorbell, version=described_by(settings)
    )
    await indexer.feed_all()


def _forget_column_files(data_folder: Path) -> None:
    shutil.rmtree(data_folder / _COLUMN_FILES, ignore_errors=True)


def _give_up(reason: str) -> None:
    say(f"quire: the store cannot be written any more: {reason}")


def _tell(done: "Rebuilt") -> None:
    for lost in done.unfit:
        say(f"quire: NOT REBUILT: run {lost.uid}: {lost.reason}")
    for one in done.different[:_MOST_LINES]:
        say(f"quire: run {one.uid}: {', '.join(one.fields) or 'its record was gone'}")
    if len(done.different) > _MOST_LINES:
        say(f"quire: {len(done.different) - _MOST_LINES:,} more; --json names them")


class _Progress:
    """Says once a second how many runs are folded."""

    def __init__(self, of: int) -> None:
        self._of = of
        self._done = 0
        self._lines = Lines()

    def __call__(self, more: int) -> None:
        self._done += more
        self._lines(f"folding: {self._done:,} of {self._of:,} runs")
