"""How a server logs: words for people, or a JSON object a line for machines."""

import logging
import sys

from quire.config import LogFormat, Settings

# Attributes of a record that are fields of our JSON, by the names that they get.
_FIELDS = ("levelname", "name", "message", "exc_info")
_NAMES = {"levelname": "level", "name": "logger"}


def configure(settings: Settings) -> None:
    """Have everything logged to stderr as the settings say.

    In JSON a line holds ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``,
    ``server`` where it is one of several, ``exception`` where there is one, and what
    the place knows: ``run``, ``job``, ``operation``, ``attempt``, ``status``...
    """
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format is LogFormat.JSON:
        handler.setFormatter(_json(settings.name))
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())


def _json(server: str) -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        " ".join(f"%({one})s" for one in _FIELDS),
        rename_fields={**_NAMES, "exc_info": "exception"},
        timestamp="time",
        static_fields={"server": server} if server else {},
        json_ensure_ascii=False,
    )
