"""An object store: moto's server, or a real one that the environment names.

A real one is named by QUIRE_TEST_S3_ENDPOINT, QUIRE_TEST_S3_BUCKET and the credentials
that AWS's own clients read.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from quire.testing.ports import free_port
from quire.testing.waiting import PATIENCE
from quire.transfer.signing import Credentials, Signer

KEY, SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


@contextlib.contextmanager
def object_store() -> Iterator[tuple[Credentials, str]]:
    """Give a store, and a bucket in it."""
    endpoint = os.environ.get("QUIRE_TEST_S3_ENDPOINT", "")
    known = {
        "access_key": os.environ.get(KEY, "AKID"),
        "secret_key": os.environ.get(SECRET, "very secret"),
    }
    if endpoint:
        yield (
            Credentials(endpoint=endpoint, **known),
            os.environ["QUIRE_TEST_S3_BUCKET"],
        )
        return
    port = free_port()
    made = Credentials(endpoint=f"http://127.0.0.1:{port}", **known)
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(program, stdout=quiet, stderr=quiet)
    try:
        until_it_answers(made.endpoint, process)
        httpx.put(
            Signer(made).address("PUT", "s3://results"), timeout=PATIENCE
        ).raise_for_status()
        yield made, "results"
    finally:
        process.kill()
        process.wait()


def until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, timeout=PATIENCE)
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("moto's server does not answer")
