"""How far the clocks of a database and of this machine are apart."""

import time

import psycopg

from quire.storage.postgres.session import Row

MOST_SKEW = 2.0
"""Seconds; beyond it leases of runs and attempts end too soon or too late."""

_NOW = "SELECT extract(epoch FROM clock_timestamp())::double precision"
_ROUNDS = 3


def skew(connection: psycopg.Connection[Row]) -> float:
    """Return the seconds by which the database's clock is ahead of this machine's."""
    told = []
    for _ in range(_ROUNDS):
        before = time.time()
        ((there,),) = connection.execute(_NOW).fetchall()
        after = time.time()
        told.append((after - before, there - (before + after) / 2))
    # The quickest answer tells best.
    return float(min(told)[1])
