"""The same servers as the client's."""

from tests.client.conftest import home, running, server

__all__ = ["home", "running", "server"]
