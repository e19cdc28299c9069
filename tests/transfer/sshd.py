"""A real sshd on the loopback, with its own keys and its own configuration."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from quire.testing.ports import free_port
from quire.testing.waiting import PATIENCE

_SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
"""
_CLIENT = """
Host instr
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
"""


def missing() -> str:
    """Return what has to be installed, empty if nothing has."""
    needed = {"sshd": "openssh-server", "ssh": "openssh-client", "rsync": "rsync"}
    packages = [name for word, name in needed.items() if not _program(word)]
    return f"apt install {' '.join(packages)}" if packages else ""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve for a while; yield the command that reaches the host ``instr``."""
    for name in ("host", "user"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    port = free_port()
    key = (folder / "host.pub").read_text()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {key}")
    given = {"port": port, "folder": folder, "user": getpass.getuser()}
    (folder / "sshd_config").write_text(_SERVER.format(**given))
    (folder / "ssh_config").write_text(_CLIENT.format(**given))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = folder / "sshd.log"
    words = [_program("sshd"), "-D", "-f", str(folder / "sshd_config")]
    with log.open("wb") as said:
        child = subprocess.Popen([*words, "-e"], stdout=said, stderr=said)
    try:
        _until_listening(port, child, log)
        yield f"ssh -F {folder}/ssh_config -o BatchMode=yes -o ConnectTimeout=10"
    finally:
        child.terminate()
        child.wait()


def _program(name: str) -> str:
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return shutil.which(name, path=places) or ""


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _until_listening(port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        if child.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"sshd does not listen: {log.read_text()}")
        time.sleep(0.01)
