"""RCDB, asked through its pipe; run by the Python of an environment that has it.

One JSON object a line in, one out: {"do": "fill" | "insert", "runs": [...]} of flat
runs, or {"do": name of a query, "values": [...]}; the answer holds "hits".
"""

import json
import sys
from typing import Any

import rcdb  # type: ignore[import-not-found]
from rcdb.model import Condition, Run  # type: ignore[import-not-found]
from rcdb.provider import destroy_all_create_schema  # type: ignore[import-not-found]

_NAMES = {int: "int", float: "float", str: "string"}
_COLUMNS = {int: "int_value", float: "float_value", str: "text_value"}
_BLOCK = 1000


class Peer:
    """One database of RCDB in SQLite."""

    def __init__(self, path: str) -> None:
        self._db = rcdb.RCDBProvider(f"sqlite:///{path}", check_version=False)
        destroy_all_create_schema(self._db)
        self._names: list[str] = []

    def fill(self, runs: list[dict[str, Any]]) -> int:
        """Put runs in at once, past its own interface, which takes 50 a second."""
        for name, value in runs[0].items():
            if name not in self._names:
                self._db.create_condition_type(name, _NAMES[type(value)], "")
                self._names.append(name)
        types = self._db.get_condition_types_by_name()
        conditions: dict[type, list[dict[str, Any]]] = {int: [], float: [], str: []}
        for run in runs:
            for name, value in run.items():
                row = {
                    "run_number": run["scan_id"],
                    "condition_type_id": types[name].id,
                    _COLUMNS[type(value)]: value,
                }
                conditions[type(value)].append(row)
        numbers = [{"number": run["scan_id"]} for run in runs]
        self._db.session.execute(Run.__table__.insert(), numbers)
        for rows in conditions.values():
            self._db.session.execute(Condition.__table__.insert(), rows)
        self._db.session.commit()
        return len(runs)

    def insert(self, runs: list[dict[str, Any]]) -> int:
        """Put runs in by its own interface."""
        for one in runs:
            run = self._db.create_run(one["scan_id"])
            self._db.add_conditions(run, one)
        return len(runs)

    def ask(self, name: str, values: list[Any]) -> int:
        """Return how many runs a query finds, their conditions read."""
        query = _QUERIES.get(name)
        return -1 if query is None else query(self._db, self._names, values)


def _newest(db: Any, names: list[str], values: list[Any]) -> int:
    return len(db.select_values(names, "", values[0] - 49, sort_desc=True))


def _number(db: Any, _: list[str], values: list[Any]) -> int:
    return int(bool(db.get_run(values[0]).get_conditions_by_name()))


def _last(db: Any, _: list[str], __: list[Any]) -> int:
    return int(bool(db.get_prev_run(2**31).get_conditions_by_name()))


def _equal(db: Any, names: list[str], name: str, value: str) -> int:
    return len(db.select_values(names, f'{name} == "{value}"'))


def _four(db: Any, names: list[str], values: list[Any]) -> int:
    query = 'run_type == "physics" and lumi_recorded > 50 and sample_temperature < 200'
    return len(db.select_values(names, query, *values))


_QUERIES = {
    "newest page of 50": _newest,
    "scan_id": _number,
    "-1": _last,
    "full uid": lambda db, names, values: _equal(db, names, "uid", values[0]),
    "nested equality": lambda db, names, values: _equal(
        db, names, "sample_name", values[0]
    ),
    "four conditions in 1,000 runs": _four,
}


def main(path: str) -> None:
    """Answer until the pipe ends."""
    peer = Peer(path)
    for line in sys.stdin:
        asked = json.loads(line)
        match asked["do"]:
            case "fill":
                hits = peer.fill(asked["runs"])
            case "insert":
                hits = peer.insert(asked["runs"])
            case name:
                hits = peer.ask(name, asked["values"])
        print(json.dumps({"hits": hits}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
