from hypothesis import settings

from quire.testing.postgres.fixtures import (
    postgres_server,
    postgres_template,
    postgres_url,
    servers_on_postgres,
)
from quire.testing.requiring import pytest_configure

__all__ = (
    "postgres_server",
    "postgres_template",
    "postgres_url",
    "pytest_configure",
    "servers_on_postgres",
)

# A machine at work is slow now and then: that says nothing of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
