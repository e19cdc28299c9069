"""What a facility needs: disks, partitions, bandwidth and servers, from a few figures.

Usage: python benchmarks/scale_model.py [--beamlines 50] [--runs 70000000] [--years 20]
       [--events-per-run 100] [--bytes-per-event 600] [--peak 20] [--asset-gb-per-run 1]

The figures below were measured (docs/explanation/scale.md says by what, and on which
machine); the rest is arithmetic. A tool for thinking, not a promise.
"""

import argparse
import sys
from dataclasses import dataclass

_DAY = 86_400
_YEAR = 365.25 * _DAY
_GIGA, _TERA = 1e9, 1e12


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one machine of four cores did.

    Attributes
    ----------
    run_bytes
        Of a run's record, columns, terms and indexes in PostgreSQL.
    block_overhead
        Bytes beside the received ones of a stored block of documents.
    squeezed
        Of the received bytes, what is left after zstd.
    documents_a_second
        Durable, in batches of 100, one server process.
    runs_a_second
        New runs, one server process.
    deliveries_a_second
        Progress events to listeners, one server process.
    """

    run_bytes: float = 4_800
    block_overhead: float = 160
    squeezed: float = 0.25
    documents_a_second: float = 30_000
    runs_a_second: float = 700
    deliveries_a_second: float = 900_000


@dataclass(frozen=True, kw_only=True)
class Facility:
    """What the facility does.

    Attributes
    ----------
    peak
        How many times the mean rate the busiest second has.
    batch
        Documents that come in one block.
    listeners
        Open pages and notebooks at the busiest time.
    """

    beamlines: int = 50
    runs: int = 70_000_000
    years: float = 20
    events_per_run: float = 100
    bytes_per_event: float = 600
    batch: float = 20
    peak: float = 20
    listeners: int = 500
    asset_gb_per_run: float = 1.0


def needs(facility: Facility, measured: Measured) -> dict[str, str]:
    """Return what is needed, in words, by what it is."""
    f, m = facility, measured
    seconds = f.years * _YEAR
    documents = f.runs * (f.events_per_run + 4)
    received = f.runs * (f.events_per_run * f.bytes_per_event + 4_000)
    stored = received * m.squeezed + documents / f.batch * m.block_overhead
    records = f.runs * m.run_bytes
    rate = documents / seconds
    peak = rate * f.peak
    new_runs = f.runs / seconds * f.peak
    servers = max(peak / m.documents_a_second, new_runs / m.runs_a_second, 0.01)
    yearly = (stored + records) / f.years
    return {
        "runs a day and beamline": f"{f.runs / f.years / 365.25 / f.beamlines:.0f}",
        "documents in all": f"{documents / 1e9:.1f} thousand million",
        "received bytes": f"{received / _TERA:.1f} TB",
        "documents stored": f"{stored / _TERA:.2f} TB",
        "run records and indexes": f"{records / _GIGA:.0f} GB",
        "growth a year": f"{yearly / _GIGA:.0f} GB",
        "one partition a year": f"{f.runs / f.years / 1e6:.1f} million runs,"
        f" {records / f.years / _GIGA:.0f} GB of indexed records",
        "memory that holds a year's records": f"{records / f.years / _GIGA:.0f} GB",
        "documents a second, mean": f"{rate:.0f}",
        "documents a second, at the peak": f"{peak:.0f}",
        "bandwidth of documents at the peak": (
            f"{received / seconds * f.peak * 8 / 1e6:.1f} Mbit/s"
        ),
        "bandwidth of external data, mean": (
            f"{f.runs * f.asset_gb_per_run / seconds * 8:.1f} Gbit/s, past Quire"
        ),
        "external data in all": f"{f.runs * f.asset_gb_per_run / 1e6:.0f} PB",
        "server processes for the peak": f"{servers:.2f}; three, so that one may die",
        "listeners that three can serve at 20 events a second": (
            f"{3 * m.deliveries_a_second / 20:.0f} (wanted {f.listeners})"
        ),
    }


def main() -> None:
    """Print what is needed."""
    usual = Facility()
    parser = argparse.ArgumentParser()
    parser.add_argument("--beamlines", type=int, default=usual.beamlines)
    parser.add_argument("--runs", type=int, default=usual.runs)
    parser.add_argument("--years", type=float, default=usual.years)
    parser.add_argument("--events-per-run", type=float, default=usual.events_per_run)
    parser.add_argument("--bytes-per-event", type=float, default=usual.bytes_per_event)
    parser.add_argument("--batch", type=float, default=usual.batch)
    parser.add_argument("--peak", type=float, default=usual.peak)
    parser.add_argument("--listeners", type=int, default=usual.listeners)
    parser.add_argument("--asset-gb-per-run", type=float, default=1.0)
    found = needs(Facility(**vars(parser.parse_args())), Measured())
    width = max(map(len, found))
    for name, words in found.items():
        sys.stdout.write(f"{name:<{width}}  {words}\n")


if __name__ == "__main__":
    main()
