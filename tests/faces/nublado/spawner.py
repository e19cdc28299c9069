"""A client by the rules of Nublado's spawner (``reference/labs.md`` section 5)."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from quire.testing.waiting import PATIENCE

_CREATE_SECONDS = 60.0
_DELETE_SECONDS = 300.0


class SpawnFailed(Exception):
    """The lab did not come up."""


class Spawner:
    """Starts one user's lab as JupyterHub would have it started."""

    def __init__(self, base: str, user: str, user_token: str, hub_token: str) -> None:
        self._user = {"Authorization": f"Bearer {user_token}"}
        self._hub = {"Authorization": f"Bearer {hub_token}"}
        found = httpx.get(f"{base}/discovery", timeout=PATIENCE).json()
        url = found["services"]["internal"]["nublado-controller"]["url"]
        self._root = f"{url}/spawner/v1"
        self._lab = f"{self._root}/labs/{user}"
        self.name = user
        self._url = ""
        self.events: list[dict[str, Any]] = []

    def options_form(self) -> str:
        answer = httpx.get(
            f"{self._root}/lab-form/{self.name}", headers=self._user, timeout=PATIENCE
        )
        answer.raise_for_status()
        return answer.text

    def start(self, options: dict[str, Any], env: dict[str, str]) -> str:
        """Return the lab's address; what was told is then in `events`."""
        self.events = []
        answer = self._create(options, env)
        if answer.status_code == 409:
            self._note(1, "warning", "Deleting existing orphaned lab")
            self.stop()
            answer = self._create(options, env)
        answer.raise_for_status()
        for event in self._stream():
            if self._ends(event):
                break
        state = self._state()
        state.raise_for_status()
        self._url = state.json()["internal_url"]
        if not self._url:
            raise SpawnFailed("no internal_url")
        return self._url

    def poll(self) -> int | None:
        """Return None while the lab runs, else an exit code."""
        answer = self._state()
        if answer.status_code == 404:
            return 0
        answer.raise_for_status()
        status = answer.json()["status"]
        if status == "failed":
            return 1
        return 0 if status in ("terminating", "terminated") else None

    def stop(self) -> None:
        answer = httpx.delete(self._lab, headers=self._hub, timeout=_DELETE_SECONDS)
        if answer.status_code != 404:
            answer.raise_for_status()

    def get_url(self) -> str:
        answer = self._state()
        return answer.json()["internal_url"] if answer.is_success else self._url

    def _create(self, options: dict[str, Any], env: dict[str, str]) -> httpx.Response:
        body = {"options": options, "env": env}
        url = f"{self._lab}/create"
        return httpx.post(url, headers=self._user, json=body, timeout=_CREATE_SECONDS)

    def _state(self) -> httpx.Response:
        return httpx.get(self._lab, headers=self._hub, timeout=PATIENCE)

    def _stream(self) -> Iterator[ServerSentEvent]:
        headers = {**self._user, "Cache-Control": "no-store"}
        with (
            httpx.Client(headers=headers, timeout=_CREATE_SECONDS) as http,
            connect_sse(http, "GET", f"{self._lab}/events") as source,
        ):
            source.response.raise_for_status()
            yield from source.iter_sse()

    def _ends(self, event: ServerSentEvent) -> bool:
        if event.event == "ping":
            return False
        shown = self.events[-1]["progress"] if self.events else 0
        try:
            data = json.loads(event.data)
            if set(data) - {"message", "progress"}:
                raise ValueError(data)
            message, progress = data["message"], data.get("progress", shown)
            if not 0 <= progress <= 100:
                raise ValueError(progress)
        except ValueError:
            message, progress = event.data, shown
        known = event.event in ("info", "error", "complete", "failed")
        severity = event.event if known else "unknown"
        if severity == "complete":
            progress = 75
        self._note(progress, severity, message)
        if severity == "failed":
            raise SpawnFailed(message)
        return severity == "complete"

    def _note(self, progress: int, severity: str, message: str) -> None:
        told = {"progress": progress, "message": f"[{severity}] {message}"}
        self.events.append(told)
