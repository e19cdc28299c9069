"""The worker of the campaign on attempts: it makes a product, past named points."""

import argparse
import functools
import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from quire.engines.attempt import run_attempt
from quire.engines.embedded.supervisor import Supervisor
from quire.jobs.job import (
    Assignment,
    Completed,
    JobResult,
    Outcome,
    StagedProduct,
    Standing,
)
from quire.ports.attempt_link import AttemptLink
from quire.ports.kind import JobContext
from quire.products.manifest import Manifest, encode_manifest
from quire.progress.event import ProgressEvent
from quire.testing.campaigns.trap import WORKER, Trap
from quire.testing.hostile_kinds import HostileKind

KIND, PLAIN = "trapped", "plain"


class TrappedLink:
    """A `quire.ports.attempt_link.AttemptLink` with a trap before and behind each call.

    Parameters
    ----------
    link
        What does the work.
    """

    def __init__(self, link: AttemptLink, trap: Trap) -> None:
        self._link = link
        self._trap = trap

    def claim(self) -> Assignment:
        """Return what is to be done."""
        self._trap.at("before claim")
        assignment = self._link.claim()
        self._trap.at("after claim")
        return assignment

    def beat(self) -> None:
        """Say that the runner lives."""
        self._link.beat()

    def tell(self, event: ProgressEvent, standing: Standing | None = None) -> None:
        """Append to the job's progress log."""
        self._past("tell", lambda: self._link.tell(event, standing))

    def deliver(self, result: JobResult) -> None:
        """Make a finished file known while the attempt goes on."""
        self._past("deliver", lambda: self._link.deliver(result))

    def finish(self, outcome: Outcome) -> None:
        """End the attempt."""
        self._past("finish", lambda: self._link.finish(outcome))

    def _past(self, name: str, call: Callable[[], None]) -> None:
        self._trap.at(f"before {name}")
        call()
        self._trap.at(f"after {name}")


def trapped_work(trap: Trap, *, careless: bool) -> HostileKind:
    """Return the kind whose work makes a product.

    Parameters
    ----------
    careless
        Also write it to the public folder at once, as a control: an attempt that is
        repeated leaves it twice.
    """

    def work(context: JobContext) -> Outcome:
        given = context.assignment
        data_folder = Path(given.data_folder)
        context.tell("Working", 50)
        note = context.folder / "note.txt"
        note.write_text("42")
        context.deliver(
            JobResult(
                id="note",
                path=str(note.relative_to(data_folder)),
                size=2,
                mime_type="text/plain",
            )
        )
        content = f"{given.job} {given.attempt}".encode()
        part, manifest = context.folder / "a.part", context.folder / "a.json"
        part.write_bytes(content)
        if careless:
            public = data_folder / "products" / f"{given.job}.{given.attempt}"
            public.parent.mkdir(exist_ok=True)
            public.write_bytes(content)
        trap.at("amid work")
        digest = hashlib.sha256(content).hexdigest()
        manifest.write_bytes(
            encode_manifest(
                Manifest(
                    id=given.job,
                    file=given.job,
                    size=len(content),
                    sha256=digest,
                    made="",
                    code_version="",
                    job=given.job,
                    attempt=given.attempt,
                    runs=(),
                    parts=(),
                )
            )
        )
        return Completed(
            product=StagedProduct(
                file_name=given.job,
                manifest_name=f"{given.job}.json",
                part=str(part.relative_to(data_folder)),
                manifest=str(manifest.relative_to(data_folder)),
                size=len(content),
                sha256=digest,
                mime_type="text/plain",
            )
        )

    return HostileKind(KIND, work)


def _plain_work(context: JobContext) -> Outcome:
    """Say something and be done, as most attempts that are over at once."""
    context.tell("Working", 50)
    return Completed(message="Worked")


def _run(link: AttemptLink, *, trap: Trap, careless: bool) -> None:
    kinds = {
        KIND: trapped_work(trap, careless=careless),
        PLAIN: HostileKind(PLAIN, _plain_work),
    }
    run_attempt(TrappedLink(link, trap), kinds, beat_seconds=0.5)


def main() -> None:
    """Supervise a slot, as `quire.worker` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--careless", action="store_true")
    options = parser.parse_args()
    os.set_inheritable(options.control, False)  # noqa: FBT003  # os's own signature
    trap = Trap(options.folder, WORKER)
    runner = functools.partial(_run, trap=trap, careless=options.careless)
    Supervisor(socket.socket(fileno=options.control), runner).run()


if __name__ == "__main__":
    main()
