import signal
import threading
from collections import Counter
from typing import Any

import event_model
import pytest
from event_model import DocumentNames, schema_validators

from quire.demo.instrument import observe

Documents = list[tuple[str, dict[str, Any]]]


def test_the_plan_emits_valid_documents() -> None:
    documents: Documents = []

    uid = observe(
        lambda name, doc: documents.append((name, doc)), points=5, scan_id=7, seed=1
    )

    assert Counter(name for name, _ in documents) == {
        "start": 1,
        "descriptor": 1,
        "event": 5,
        "stop": 1,
    }
    for name, doc in documents:
        plain = event_model.sanitize_doc(doc)
        schema_validators[DocumentNames[name]].validate(plain)
    start = documents[0][1]
    assert (start["uid"], start["scan_id"]) == (uid, 7)
    assert set(documents[2][1]["data"]) >= {"stage", "diode", "fluorescence"}


def test_the_detectors_peak_where_the_beam_is() -> None:
    readings: list[tuple[float, float]] = []

    def keep(name: str, doc: dict[str, Any]) -> None:
        if name == "event":
            readings.append((doc["data"]["diode"], doc["data"]["stage"]))

    observe(keep, points=13, scan_id=1, seed=2)

    assert max(readings)[1] == pytest.approx(-0.5)


def test_an_interrupt_closes_the_run() -> None:
    documents: Documents = []

    def interrupt_at_third_event(name: str, doc: dict[str, Any]) -> None:
        documents.append((name, doc))
        if name == "event" and doc["seq_num"] == 3:
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        observe(interrupt_at_third_event, points=41, scan_id=1, seed=1)

    name, stop = documents[-1]
    assert (name, stop["exit_status"]) == ("stop", "abort")
