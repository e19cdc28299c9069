"""Every skip says in one form what was not proved, and how to have it proved."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import quire.testing
from quire.testing.not_proved import not_proved

TESTS = Path(__file__).parents[1]
SHIPPED = Path(quire.testing.__file__).parent


def unformed(source: str) -> Iterator[int]:
    """Return the lines of skips whose reason is not one of ours."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called.endswith(("pytest.importorskip", "unittest.skip")):
            yield node.lineno
        if called not in ("pytest.skip", "pytest.mark.skip", "pytest.mark.skipif"):
            continue
        named = [one.value for one in node.keywords if one.arg == "reason"]
        reasons = named or (node.args[:1] if called == "pytest.skip" else [])
        formed = [
            one
            for one in reasons
            if isinstance(one, ast.Call) and ast.unparse(one.func) == "not_proved"
        ]
        if not formed:
            yield node.lineno


@pytest.mark.parametrize(
    "source",
    [
        "pytest.skip()",
        "pytest.skip('not here')",
        "pytest.skip(reason=f'no {what}')",
        "needs = pytest.mark.skipif(x is None, reason='no x')",
        "@pytest.mark.skip\ndef test() -> None: pytest.importorskip('x')",
    ],
)
def test_a_skip_in_another_form_is_seen(source: str) -> None:
    assert list(unformed(source))


def test_a_reason_says_what_why_and_how() -> None:
    said = not_proved("a full disk", why="only root may mount", mend="run as root")
    assert said == (
        "NOT PROVED: a full disk: only root may mount (to prove it: run as root)"
    )
    source = "pytest.skip(not_proved('x', why=y, mend=z))"
    assert not list(unformed(source))


def test_all_skips_say_what_was_not_proved_and_how_to_prove_it() -> None:
    wrong = [
        f"{path}:{line}"
        for folder in (TESTS, SHIPPED)
        for path in sorted(folder.rglob("*.py"))
        for line in unformed(path.read_text())
    ]
    assert wrong == []
