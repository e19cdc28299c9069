"""What the tests of the kind `merge` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from quire.jobs.job import Assignment, JobResult, Standing
from quire.transfer.kinds import merge_kind

# What the server keeps of the job, by its data folder.
_KEPT: dict[Path, dict[str, str]] = {}


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
        self._kept = _KEPT.setdefault(folder, {})
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
            marks=dict(_KEPT.setdefault(folder, {})),
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
            for name, said in standing.marks.items():
                if said is None:
                    del self._kept[name]
                else:
                    self._kept[name] = said
        self._disturb(message)

    def cancelled(self) -> bool:
        self._left -= 1
        return self._left < 0

    def deliver(self, result: JobResult) -> None:
        raise AssertionError(result)
