"""What a run of the tests must have tested: it fails where it has not.

A part that cannot be started on a machine is skipped there, loudly. Where it must not
be, as in CI, the environment variable `REQUIRE` names it. Import the hook into the
``conftest.py`` of all tests::

    from quire.testing.requiring import pytest_configure
"""

import os
from collections import Counter
from typing import Protocol, runtime_checkable

import pytest

REQUIRE = "QUIRE_REQUIRE"
"""Environment variable: names of parts, separated by commas, as ``postgres,dask``."""

PARTS = ("dask", "postgres", "slurm")
_NOTE = "proves"


@runtime_checkable
class Proof(Protocol):
    """A fixture that is a real part: what a test does with it proves something.

    Attributes
    ----------
    proves
        One of `PARTS`.
    """

    proves: str


class Requirements:
    """Counts the tests that passed with each part.

    Parameters
    ----------
    required
        Names of parts.
    """

    def __init__(self, required: frozenset[str]) -> None:
        self._required = required
        self._passed: Counter[str] = Counter()

    @property
    def missing(self) -> list[str]:
        """What was required, and has passed no test."""
        return sorted(part for part in self._required if not self._passed[part])

    @pytest.hookimpl
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Note which parts a test stands on; the note travels with its report."""
        found = getattr(item, "funcargs", {}).values()
        parts = {one.proves for one in found if isinstance(one, Proof)}
        item.user_properties.extend((_NOTE, part) for part in sorted(parts))

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that passed."""
        if report.when == "call" and report.passed:
            told = dict.fromkeys(report.user_properties)
            self._passed.update(str(part) for name, part in told if name == _NOTE)

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that has not tested all that it must."""
        if not _is_worker(session.config) and self.missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Say what was tested, and what was not."""
        for part in sorted(self._required):
            count = self._passed[part]
            said = f"{count} tests passed with a real {part}"
            if not count:
                said = f"NOT TESTED, though {REQUIRE} names it: {part}"
            terminalreporter.write_line(said, red=not count, green=bool(count))


def pytest_configure(config: pytest.Config) -> None:
    """Have the parts counted that the environment names.

    Raises
    ------
    pytest.UsageError
        It names something else.
    """
    words = os.environ.get(REQUIRE, "").replace(",", " ").split()
    if unknown := set(words) - set(PARTS):
        raise pytest.UsageError(
            f"{REQUIRE} names {', '.join(sorted(unknown))};"
            f" there are: {', '.join(PARTS)}"
        )
    if words:
        plugin = Requirements(frozenset(words))
        config.pluginmanager.register(plugin, "quire-requirements")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
