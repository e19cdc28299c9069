"""A real server with the kinds that a `quire.toml` adds, and what judges its XML."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import xmlschema
from lxml import etree  # type: ignore[import-untyped]

from quire.testing.campaigns.server import ServerProcess

SCHEMAS = Path(__file__).parents[2] / "data" / "schemas"
PROGRAM = Path(__file__).with_name("program.py")

# What TAP clients send, so that they can be pointed at us.
CONFIGURATION = """
[commands.tap]
description = "Answers any query with one table."
program = "{python}"
arguments = ["{program}", "table", ["--rows", "{{MAXREC}}"], "{{QUERY}}", "{{T1}}"]
parameters = [
    {{name = "QUERY", description = "What is asked for"}},
    {{name = "REQUEST"}},
    {{name = "LANG", choices = ["ADQL", "ADQL-2.0"]}},
    {{name = "FORMAT"}},
    {{name = "RESPONSEFORMAT"}},
    {{name = "TAPCLIENT"}},
    {{name = "JOBNAME"}},
    {{name = "MAXREC", type = "integer", least = 0}},
    {{name = "T1", type = "file", description = "A table"}},
]
results = [
    {{id = "result", file = "result.vot", mime_type = "application/x-votable+xml"}},
]

[commands.echo]
description = "Writes what it is given."
program = "{python}"
arguments = ["{program}", "echo", "{{TEXT}}", "{{FILE}}", ["--also", "{{MORE}}"]]
parameters = [
    {{name = "TEXT", description = "To be written"}},
    {{name = "FILE", type = "file", description = "To be written behind it"}},
    {{name = "MORE", multiple = true}},
    {{name = "LEVEL", type = "number", unit = "m/s", least = 0, most = 10}},
    {{name = "MODE", choices = ["fast", "slow"], default = "slow"}},
    {{name = "ON", type = "boolean", default = true}},
]
results = [
    {{id = "said", file = "said.txt", mime_type = "text/plain"}},
    {{id = "extra", file = "extra.txt", required = false}},
]

[commands.fail]
program = "{python}"
arguments = ["{program}", "fail"]

[commands.slow]
program = "{python}"
arguments = ["{program}", "slow"]
"""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("uws") / "data"
    folder.mkdir()
    text = CONFIGURATION.format(python=sys.executable, program=PROGRAM)
    (folder / "quire.toml").write_text(text)
    process = ServerProcess(folder)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def uws(served: ServerProcess) -> Iterator[httpx.Client]:
    with served.http() as client:
        yield client


@pytest.fixture(scope="session")
def judge() -> Callable[[bytes], etree._Element]:
    """Two schema validators that must both accept a document."""
    first = etree.XMLSchema(etree.parse(SCHEMAS / "UWS.xsd"))
    locations = [("http://www.w3.org/1999/xlink", str(SCHEMAS / "xlink.xsd"))]
    second = xmlschema.XMLSchema(SCHEMAS / "UWS.xsd", locations=locations)

    def check(document: bytes) -> etree._Element:
        tree = etree.fromstring(document)
        first.assertValid(tree)
        second.validate(document.decode())
        return tree

    return check
