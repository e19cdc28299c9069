import logging
from pathlib import Path

import pytest

from quire.engines.embedded.engine import EmbeddedEngine
from quire.engines.embedded.slot import Slot
from quire.engines.embedded.supervision import Supervision
from quire.ports.engine import Engine
from quire.testing.engine_bench import Bench
from quire.testing.engine_contract import LIMITS, ProcessEngineContract
from quire.testing.waiting import until_async

PROGRAM = [
    "quire.worker",
    "--kinds=quire.testing.hostile_kinds:hostile",
    "--beat=0.1",
]


class TestEmbeddedEngine(ProcessEngineContract):
    def make_engine(self, bench: Bench) -> Engine:
        return EmbeddedEngine(
            bench.attempts, bench.doorbell, PROGRAM, slots=1, limits=LIMITS
        )

    async def test_a_supervisor_that_cannot_be_started_is_tried_again_in_peace(
        self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        lacking = [OSError("no processes left"), OSError("no processes left")]

        def supervise() -> Supervision:
            if lacking:
                raise lacking.pop()
            return Supervision(
                PROGRAM, marker="a slot of this test/", log=tmp_path / "log"
            )

        slot = Slot(bench.attempts, supervise, LIMITS, on_free=lambda: None)
        slot.start()
        try:
            await until_async(lambda: slot.free)
        finally:
            await slot.stop()
        told = [
            one.getMessage() for one in caplog.records if one.levelno > logging.WARNING
        ]
        assert told == ["a supervisor cannot be started: no processes left"] * 2
