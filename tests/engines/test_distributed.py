import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from quire.ports.launcher import Launcher
from quire.testing.lasting_contract import LastingEngineContract

PAGE = Path(__file__).parents[2] / "docs/how-to/another-engine.md"


def of_the_page() -> ModuleType:
    """Return the launcher that the page shows."""
    [text] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = ModuleType("process_launcher")
    exec(compile(text, str(PAGE), "exec"), module.__dict__)  # noqa: S102
    return module


@pytest.mark.usefixtures("runners_end")
class TestTheLauncherOfThePage(LastingEngineContract):
    def make_launcher(self) -> Launcher:
        launcher: Launcher = of_the_page().ProcessLauncher(python=sys.executable)
        return launcher
