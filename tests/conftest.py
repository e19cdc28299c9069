import signal

from hypothesis import HealthCheck, settings

from quire.testing.leaving_nothing import nothing_is_left
from quire.testing.postgres.fixtures import (
    postgres_server,
    postgres_template,
    postgres_url,
    pytest_runtest_teardown,
    records_in_the_folder,
    servers_on_postgres,
)
from quire.testing.requiring import pytest_configure

__all__ = (
    "nothing_is_left",
    "postgres_server",
    "postgres_template",
    "postgres_url",
    "pytest_configure",
    "pytest_runtest_teardown",
    "records_in_the_folder",
    "servers_on_postgres",
)

# Who runs in the background may be deaf to Ctrl-C; what tests start must not inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine at work is slow now and then: that says nothing of what is tested.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")
