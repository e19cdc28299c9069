"""A real browser for the tests, as patient as they are."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from quire.testing.not_proved import not_proved
from quire.testing.waiting import PATIENCE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None,
    reason=not_proved(
        "the pages in a browser",
        why="there is no chromium",
        mend="apt install chromium (Debian)",
    ),
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser without a window; its contexts are made by `context`."""
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


@contextmanager
def context(
    browser: Browser, base_url: str = "", *, script: bool = True
) -> Iterator[BrowserContext]:
    """Give what has cookies of its own, for pages of one server."""
    made = browser.new_context(java_script_enabled=script, base_url=base_url or None)
    made.set_default_timeout(1000 * PATIENCE)
    yield made
    made.close()
