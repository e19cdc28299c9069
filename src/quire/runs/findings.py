"""The findings of a run: what its documents break, and for how long.

Which findings a run has must not depend on the order in which its documents came. A
rule on one document, or on an event and its descriptor, is a fact once both are
there; a rule on the run as a whole is judged anew once the run is over, and its
finding goes when it holds again.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from quire.runs.rules.addresses import no_address
from quire.runs.rules.references import unknown_references
from quire.runs.rules.sequence import sequence_gaps
from quire.runs.rules.stops import no_start, num_events
from quire.runs.rules.streams import (
    descriptors_differ,
    streamed_elsewhere,
    types_change,
    uneven_coverage,
)
from quire.runs.run import Finding, Run, Severity, Status

_ON_RUNS: dict[str, Callable[[Run], Iterator[Finding]]] = {
    "descriptors": descriptors_differ,
    "no_address": no_address,
    "no_start": no_start,
    "num_events": num_events,
    "sequence_gap": sequence_gaps,
    "stream_data_key": streamed_elsewhere,
    "type_change": types_change,
    "uneven_stream": uneven_coverage,
    "unknown_reference": unknown_references,
}
# The smallest so many of each rule: a bound that does not depend on order.
_MOST = 100
_MORE = f"it is broken more often: only {_MOST} of these are listed"


def settled(run: Run, told: Iterable[Finding] = ()) -> Run:
    """Return a folded run with all its findings, sorted.

    Parameters
    ----------
    told
        New findings about single documents.
    """
    kept = {one for one in run.findings if one.rule not in _ON_RUNS}
    every = tuple(sorted(kept.union(told, _judged(run))))
    if len(every) > _MOST:
        every = tuple(sorted(_bounded(every)))
    return run if every == run.findings else replace(run, findings=every)


def _judged(run: Run) -> Iterator[Finding]:
    # While a run goes on, what is missing may just not have come yet.
    if run.status is not Status.OPEN:
        for rule in _ON_RUNS.values():
            yield from rule(run)


def _bounded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first of each rule, and behind them that there are more."""
    counts: dict[str, int] = {}
    more: dict[str, Severity] = {}
    for finding in findings:
        if finding.message == _MORE:
            more[finding.rule] = finding.severity
            continue
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
        if counts[finding.rule] <= _MOST:
            yield finding
        else:
            more[finding.rule] = finding.severity
    for rule, severity in more.items():
        yield Finding(rule=rule, uid="", message=_MORE, severity=severity)
