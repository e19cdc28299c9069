from quire.testing.postgres.fixtures import (
    postgres_server,
    postgres_template,
    postgres_url,
    servers_on_postgres,
)

__all__ = (
    "postgres_server",
    "postgres_template",
    "postgres_url",
    "servers_on_postgres",
)
