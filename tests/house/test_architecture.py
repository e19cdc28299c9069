import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Contract, the module that breaks it, and the import that does.
BREACHES = [
    ("layers", "quire.runs.breach", "import quire.access"),
    ("layers", "quire.actions.breach", "import quire.storage"),
    ("layers", "quire.stray", ""),
    ("pure-core", "quire.jobs.breach", "import sqlite3"),
    ("pure-core", "quire.documents.breach", "import asyncio"),
    ("faces-through-actions", "quire.faces.jobs.breach", "import quire.storage.sqlite"),
    ("faces-through-actions", "quire.faces.jobs.breach", "import quire.engines"),
    ("independent-faces", "quire.faces.jobs.breach", "import quire.faces.catalog"),
    ("independent-kinds", "quire.kinds.breach", "import quire.kinds.second_breach"),
    ("independent-writers", "quire.writers.breach", "import quire.writers.fits"),
    (
        "independent-stores",
        "quire.storage.memory.breach",
        "import quire.storage.sqlite",
    ),
    (
        "acyclic-siblings",
        "quire.products.breach",
        "import quire.products.second_breach",
    ),
    ("client-without-server", "quire.client.breach", "import quire.storage"),
    ("client-without-server", "quire.client.breach", "import starlette"),
]


def lint(source: Path, *contracts: str) -> tuple[int, str]:
    program = Path(sys.executable).with_name("lint-imports")
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    done = subprocess.run(
        [program, "--config", ROOT / ".importlinter", "--no-cache", *chosen],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def copy_of_the_package(folder: Path) -> Path:
    shutil.copytree(
        ROOT / "src/quire",
        folder / "quire",
        ignore=lambda _, names: [
            name for name in names if "." in name and not name.endswith(".py")
        ],
    )
    return folder


def seed(source: Path, module: str, text: str) -> None:
    path = source / (module.replace(".", "/") + ".py")
    path.write_text(text + "\n")
    if text.endswith("second_breach"):
        back = f"import {module}\n"
        path.with_name("second_breach.py").write_text(back)


def test_the_tree_keeps_every_contract(tmp_path: Path) -> None:
    code, said = lint(copy_of_the_package(tmp_path))

    assert code == 0, said
    assert "0 broken" in said


@pytest.mark.parametrize(("contract", "module", "breach"), BREACHES)
def test_a_breach_is_caught(
    tmp_path: Path, contract: str, module: str, breach: str
) -> None:
    source = copy_of_the_package(tmp_path)
    seed(source, module, breach)

    code, said = lint(source, contract)

    assert code != 0, said
    # A contract that is broken, or a module that the layers do not know.
    assert "1 broken" in said or "stray" in said, said


def test_every_contract_has_a_breach() -> None:
    config = (ROOT / ".importlinter").read_text()
    contracts = {
        line.removeprefix("[importlinter:contract:").rstrip("]")
        for line in config.splitlines()
        if line.startswith("[importlinter:contract:")
    }

    assert contracts == {contract for contract, _, _ in BREACHES}
