"""What a lab is made of: JupyterLab, alone or as JupyterHub's single-user server."""

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import msgspec

from quire.labs.errors import LabsUnavailable

HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the variable's name
_IMAGE = "quire.local/jupyterlab"


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """What a lab's program is told.

    Attributes
    ----------
    shown
        The folder that it shows.
    token
        What lets its user in, where JupyterHub does not.
    root
        Whether it runs as root, which Jupyter must be allowed.
    idle_seconds
        0 for never.
    """

    port: int
    prefix: str
    shown: str
    token: str
    root: bool
    debug: bool
    idle_seconds: int


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program that serves a lab.

    Attributes
    ----------
    check
        Path below the prefix that is answered with 200 once it serves, by nobody else.
    """

    command: tuple[str, ...]
    env: Mapping[str, str]
    check: str


class Jupyter:
    """Knows how JupyterLab is started.

    Parameters
    ----------
    python
        The interpreter in whose environment it is installed.
    """

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python

    @property
    def image(self) -> str:
        """A reference that names what is installed."""
        try:
            return f"{_IMAGE}:{version('jupyterlab')}"
        except PackageNotFoundError:
            return f"{_IMAGE}:none"

    def require(self) -> None:
        """Do nothing if it is installed.

        Raises
        ------
        LabsUnavailable
            It is not.
        """
        if find_spec("jupyterlab") is None:
            raise LabsUnavailable(
                "labs need JupyterLab, which is not installed where this server runs"
                " (its administrator can mend that: pip install 'quire[labs]')"
            )

    def program(self, serving: Serving, env: Mapping[str, str]) -> Program:
        """Return how a lab is started.

        Parameters
        ----------
        env
            The lab's environment: with JupyterHub's token in it, and JupyterHub
            installed, the lab is a single-user server of that hub.
        """
        options = [
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={serving.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={serving.shown}",
        ]
        if serving.root:
            options.append("--ServerApp.allow_root=True")
        if serving.debug:
            options.append("--debug")
        if serving.idle_seconds:
            idle = serving.idle_seconds
            options.append(f"--ServerApp.shutdown_no_activity_timeout={idle}")
            options.append(f"--MappingKernelManager.cull_idle_timeout={idle}")
        if env.get(HUB_TOKEN) and find_spec("jupyterhub") is not None:
            url = f"http://127.0.0.1:{serving.port}{serving.prefix}"
            return Program(
                command=(self._python, "-m", "jupyterhub.singleuser", *options),
                env={"JUPYTERHUB_SERVICE_URL": url},
                check="api",
            )
        options.append(f"--ServerApp.base_url={serving.prefix}")
        return Program(
            command=(self._python, "-m", "jupyterlab", *options),
            # Not as an argument: those can be read by everybody.
            env={"JUPYTER_TOKEN": serving.token},
            check="api/status",
        )
