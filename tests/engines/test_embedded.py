from quire.engines.embedded.engine import EmbeddedEngine
from quire.ports.engine import Engine
from quire.testing.engine_bench import Bench
from quire.testing.engine_contract import LIMITS, ProcessEngineContract

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
