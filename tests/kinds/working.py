"""What the tests of the kind `merge` share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quire.jobs.job import Assignment, JobResult, Standing
from quire.transfer.kinds import merge_kind

# What the server keeps of the job: it outlives whoever works.
_KEPT = "kept.json"


class Attempt:
    """What the work is given, and what it told."""

    def __init__(
        self,
        folder: Path,
        wanted: dict[str, Any],
        *,
        number: int = 1,
        transfers: dict[str, Any] | None = None,
        disturb: Callable[[str], None] = lambda _: None,
        stop_after: int = 1_000_000,
    ) -> None:
        self.kind = merge_kind(transfers or {})
        self._rows = folder / _KEPT
        self.folder = folder / "jobs" / "j" / str(number)
        self.folder.mkdir(parents=True)
        self.standings: list[Standing] = []
        self.messages: list[str] = []
        self._disturb = disturb
        self._left = stop_after
        self.assignment = Assignment(
            job="j",
            attempt=number,
            kind="merge",
            parameters=self.kind.plan({"SPECIFICATION": wanted}).parameters,
            runs=(),
            owner="me",
            folder=str(self.folder),
            data_folder=str(folder),
            marks=self._marks(),
        )

    @property
    def steps(self) -> list[str]:
        found: list[str] = []
        for one in self.standings:
            if found[-1:] != [one.step]:
                found.append(one.step)
        return found

    def tell(
        self,
        message: str,
        progress: int | None = None,
        *,
        standing: Standing | None = None,
    ) -> None:
        del progress
        self.messages.append(message)
        if standing is not None:
            self.standings.append(standing)
            if standing.marks:
                kept = {**self._marks(), **standing.marks}
                left = {name: said for name, said in kept.items() if said is not None}
                part = self._rows.with_suffix(".part")
                part.write_text(json.dumps(left))
                part.replace(self._rows)
        self._disturb(message)

    def _marks(self) -> dict[str, str]:
        if not self._rows.exists():
            return {}
        kept: dict[str, str] = json.loads(self._rows.read_text())
        return kept

    def cancelled(self) -> bool:
        self._left -= 1
        return self._left < 0

    def deliver(self, result: JobResult) -> None:
        raise AssertionError(result)
