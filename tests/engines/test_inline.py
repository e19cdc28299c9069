from quire.ports.engine import Engine
from quire.testing.engine_bench import Bench
from quire.testing.engine_contract import EngineContract
from quire.testing.hostile_kinds import hostile
from quire.testing.inline_engine import InlineEngine


class TestInlineEngine(EngineContract):
    def make_engine(self, bench: Bench) -> Engine:
        return InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=1)
