"""Bluesky's own 0MQ proxy, as ``bluesky-0MQ-proxy`` runs it; tells its addresses.

With an argument, the file of its secret key, it publishes under CURVE.
"""

import sys
from pathlib import Path

from bluesky.callbacks.zmq import Proxy, ServerCurve

ANY = "tcp://127.0.0.1:*"


def main(secret: str = "") -> None:
    curve = None
    if secret:
        curve = ServerCurve(
            secret_path=Path(secret), client_public_keys=None, allow=None
        )
    proxy = Proxy(ANY, ANY, out_curve=curve)
    sys.stdout.write(f"{proxy.in_port} {proxy.out_port}\n")
    sys.stdout.flush()
    proxy.start()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(*sys.argv[1:])
