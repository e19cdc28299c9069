"""From a Bluesky plan to a verified product, in one command."""

import importlib.util
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from quire.demo.failure import DemonstrationFailed
from quire.errors import QuireError

INTERRUPTED = 130  # as shells report a Ctrl-C


def run(*, once: bool, directory: Path | None = None) -> int:
    """Show all of Quire at work: server, instrument, run, merge, verified product.

    Parameters
    ----------
    once
        End when the product is verified; so it does too without a terminal. Else stay
        up for browsing until Ctrl-C.
    directory
        The data folder, kept afterwards; a temporary one by default, removed at the
        end.

    Returns
    -------
    int
        The exit code: 0 if everything was verified, 1 if not, 130 after Ctrl-C.
    """
    stay = sys.stdout.isatty() and not once
    with ExitStack() as stack:
        try:
            _require_extra()
            stack.enter_context(_ending_on_sigterm())
            _demonstrate(_folder(stack, directory), stay=stay)
        except KeyboardInterrupt:
            print("quire demo: stopped", file=sys.stderr)  # noqa: T201
            return INTERRUPTED
        except QuireError as error:
            print(f"quire demo: {error}", file=sys.stderr)  # noqa: T201
            return 1
    return 0


def _require_extra() -> None:
    missing = [
        name
        for name in ("astropy", "bluesky", "ophyd")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise DemonstrationFailed(
            "the simulated instrument",
            f"not installed: {', '.join(missing)}",
            "pip install 'quire[demo]'",
        )


def _folder(stack: ExitStack, directory: Path | None) -> Path:
    if directory is not None:
        return directory.absolute()
    made = stack.enter_context(tempfile.TemporaryDirectory(prefix="quire-demo-"))
    return Path(made)


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM and a closed terminal clean up as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _demonstrate(folder: Path, *, stay: bool) -> None:
    # These load astropy and bluesky.
    from quire.demo.bars import shown
    from quire.demo.merging import acquisition, login_link, verdicts
    from quire.demo.observing import observation
    from quire.demo.server import served

    own = folder / "demo"
    with served(folder, own / "server.log") as server:
        with shown() as bars:
            bars.tell(f"serving {folder} at {server.url}")
            begun = time.monotonic()
            observed = observation(server, bars, own)
            merged = acquisition(server, bars, observed)
            judged = verdicts(merged)
            seconds = time.monotonic() - begun
            for verdict in judged:
                bars.tell(f"{verdict.judge}: {verdict.words}")
        bad = [verdict for verdict in judged if verdict.good is False]
        if bad:
            words = "; ".join(f"{verdict.judge}: {verdict.words}" for verdict in bad)
            raise DemonstrationFailed("verification", words)
        out = Console(width=None if sys.stdout.isatty() else 120)
        out.print(
            _table(observed.run, merged.file.name, size=merged.size, seconds=seconds)
        )
        out.print(f"dashboard: {login_link(server)}", soft_wrap=True, highlight=False)
        if stay:
            _stay(out)
        else:
            out.print("ended: it stays up for browsing in a terminal, without --once")


def _table(run: dict[str, object], product: str, *, size: int, seconds: float) -> Table:
    table = Table()
    for heading in (
        "run",
        "scan id",
        "events",
        "product",
        "size",
        "seconds",
        "verdict",
    ):
        table.add_column(heading, no_wrap=heading != "product")
    table.add_row(
        str(run["uid"])[:8],
        str(run["scan_id"]),
        str(run["events"]),
        product,
        f"{size / 1e6:.1f} MB",
        f"{seconds:.1f}",
        "[green]verified[/green]",
    )
    return table


def _stay(out: Console) -> None:
    try:
        out.print("open it in a browser; Ctrl-C ends the demonstration")
        while True:
            signal.pause()
    except KeyboardInterrupt:
        out.print("ended")
