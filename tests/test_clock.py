"""Ids are of the form that is promised, and never made twice."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

from quire.clock import RandomIds


def test_ids_are_random_uuids_whatever_thread_asks() -> None:
    ids = RandomIds()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ids.new_id(), range(20_000)))
    assert len(set(made)) == len(made)
    for one in made[::1000]:
        read = uuid.UUID(one)
        assert (str(read), read.version) == (one, 4)
        assert read.variant == uuid.RFC_4122


def test_a_fork_makes_others() -> None:
    ids = RandomIds()
    ids.new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, ids.new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)
    assert theirs not in {ids.new_id() for _ in range(1000)}
