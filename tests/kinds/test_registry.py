import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import httpx
import pytest

from quire.errors import InputError
from quire.kinds.registry import _plugged_in, built_in, every_kind
from quire.testing.campaigns.server import ServerProcess

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-kind.md"
PROGRAM = sys.executable


def test_the_example_of_the_how_to_is_a_kind_of_a_real_server(tmp_path: Path) -> None:
    package = tmp_path / "package"
    info = package / "count_kind-1.dist-info"
    info.mkdir(parents=True)
    blocks = PAGE.read_text().split("```")
    python = next(block for block in blocks if block.startswith("python\n"))
    (package / "count_kind.py").write_text(python.removeprefix("python\n"))
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: count-kind\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(
        "[quire.kinds]\ncount = count_kind:CountKind\n"
    )
    server = ServerProcess(tmp_path / "data", environment={"PYTHONPATH": str(package)})
    server.start()
    try:
        with server.http() as http:
            file = {"FILE": b"one\n" * 2500 + b"long" * 30}
            answer = http.post("/uws/count/sync", files=file, follow_redirects=True)
            assert answer.text == "2501 lines, 1 of them long\n", answer.text
            refused = http.post("/uws/count/jobs", data={"LONGEST": "0"})
            assert refused.status_code == 422
            kinds = http.get("/api/v1/kinds").json()["kinds"]
            assert "count" in {kind["kind"] for kind in kinds}
            check_progress(http)
    finally:
        server.stop()


def check_progress(http: httpx.Client) -> None:
    job = http.get("/api/v1/jobs", params={"kind": "count"}).json()["jobs"][0]["id"]
    said = http.get(f"/api/v1/operations/{job}/events").text
    assert "Line 1000" in said
    assert "2501 lines" in said


def test_the_example_is_short() -> None:
    python = next(
        block for block in PAGE.read_text().split("```") if block.startswith("python")
    )
    assert sum(bool(line.strip()) for line in python.splitlines()) <= 44


class Unnamed:
    name = "No Name"
    description = ""
    parameters = ()

    def plan(self, _: Any) -> None: ...
    def work(self, _: Any) -> None: ...


def broken() -> None:
    raise RuntimeError("out of order")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (f"{__name__}:broken", "out of order"),
        (f"{__name__}:missing", "missing"),
        ("no_such_module_of_quire:x", "no_such_module_of_quire"),
        ("builtins:dict", "plan"),
        (f"{__name__}:Unnamed", "No Name"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_named(value: str, reason: str) -> None:
    sys.modules.setdefault(__name__, sys.modules[Unnamed.__module__])
    point = EntryPoint(name="theirs", value=value, group="quire.kinds")
    with pytest.raises(InputError, match=reason) as refusal:
        list(_plugged_in([point]))
    assert "theirs" in refusal.value.field


def command(**table: Any) -> dict[str, Any]:
    return {"theirs": {"program": PROGRAM, **table}}


def test_commands_become_kinds() -> None:
    kinds = every_kind(command(description="Does it"))
    assert set(kinds) == {*built_in(), "theirs"}
    assert kinds["theirs"].description == "Does it"


@pytest.mark.parametrize(
    ("commands", "field"),
    [
        ({"wait": {"program": PROGRAM}}, "wait"),
        ({"Bad Name": {"program": PROGRAM}}, "commands.Bad Name"),
        ({"theirs": {}}, "commands.theirs"),
        ({"theirs": 5}, "commands.theirs"),
        ({"theirs": {"program": "python"}}, "commands.theirs.program"),
        ({"theirs": {"program": "/no/such"}}, "commands.theirs.program"),
        (command(through="sh"), "commands.theirs"),
        (command(arguments=["{X}"]), "commands.theirs.arguments"),
        (command(parameters=[{"name": "PHASE"}]), "commands.theirs"),
        (command(parameters=[{"name": "x"}]), "commands.theirs"),
        (command(parameters=[{"name": "X", "typ": "text"}]), "commands.theirs"),
        (command(parameters=[{"name": "X"}] * 2), "commands.theirs.parameters"),
        (
            command(parameters=[{"name": "X", "type": "number", "default": "a"}]),
            "commands.theirs, default of X",
        ),
        (command(results=[{"id": "a", "file": "../b"}]), "commands.theirs.results"),
        (command(results=[{"id": "a", "file": "/b"}]), "commands.theirs.results"),
        (command(results=[{"id": "a/b", "file": "b"}]), "commands.theirs.results"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(
    commands: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError) as refusal:
        every_kind(commands)
    assert refusal.value.field == field
