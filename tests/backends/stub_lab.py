"""A small program in a lab's place: `python stub_lab.py PORT CHECK [daemons | hungry]`.

With daemons it leaves processes behind that have nothing to do with it any more; with
hungry it starts two that use some 90 MB each.
"""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HUNGRY = "held = b'x' * 80_000_000; import time; time.sleep(600)"
DAEMON = "import os, time; os.setsid(); os.fork() and os._exit(0); time.sleep(600)"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path == sys.argv[2] and (
            self.headers["authorization"] == f"token {os.environ['JUPYTER_TOKEN']}"
        )
        self.send_response(200 if good else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def leave_daemons() -> None:
    environments: tuple[dict[str, str] | None, ...] = (None, {})
    for environment in environments:
        subprocess.run([sys.executable, "-c", DAEMON], env=environment, check=True)


if "hungry" in sys.argv:
    for _ in range(2):
        subprocess.Popen([sys.executable, "-c", HUNGRY])
if "daemons" in sys.argv:
    leave_daemons()
Path("environment").write_text("\n".join(f"{k}={v}" for k, v in os.environ.items()))
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
