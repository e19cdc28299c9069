from collections.abc import AsyncIterator

import pytest
from tests.engines.runners import ended


@pytest.fixture
async def runners_end() -> AsyncIterator[None]:
    """Wait for the ends of all runners behind a test."""
    yield
    await ended()
