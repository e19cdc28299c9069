"""Running code in a lab over its kernel API, as JupyterLab's own pages do."""

import contextlib
import json
import uuid
from typing import Any

import httpx
from websockets.sync.client import connect

from quire.testing.waiting import PATIENCE


class Lab(contextlib.AbstractContextManager["Lab"]):
    """A lab as its user's browser reaches it."""

    def __init__(self, login: str) -> None:
        url = httpx.URL(login)
        self._token = url.params["token"]
        self.base = str(url.copy_with(query=None)).partition("lab")[0]
        headers = {"Authorization": f"token {self._token}"}
        self.http = httpx.Client(base_url=self.base, headers=headers, timeout=PATIENCE)

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def kernel(self) -> str:
        """Start a kernel and return its id."""
        made = self.http.post("api/kernels", json={"name": "python3"})
        made.raise_for_status()
        return str(made.json()["id"])

    def run(self, kernel: str, code: str) -> str:
        """Run code and return what it printed and gave."""
        asked = uuid.uuid4().hex
        request = {
            "header": {
                "msg_id": asked,
                "msg_type": "execute_request",
                "username": "",
                "session": asked,
                "date": "",
                "version": "5.3",
            },
            "parent_header": {},
            "metadata": {},
            "content": {"code": code, "silent": False},
            "channel": "shell",
            "buffers": [],
        }
        url = self.base.replace("http", "ws", 1)
        headers = {"Authorization": f"token {self._token}"}
        address = f"{url}api/kernels/{kernel}/channels"
        with connect(address, additional_headers=headers, proxy=None) as channel:
            channel.send(json.dumps(request))
            return self._outcome(channel, asked)

    def _outcome(self, channel: Any, asked: str) -> str:
        said: list[str] = []
        while True:
            message = json.loads(channel.recv(timeout=PATIENCE))
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                said.append(content["text"])
            elif kind in ("execute_result", "display_data"):
                said.append(content["data"]["text/plain"])
            elif kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return "".join(said)
