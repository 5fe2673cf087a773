"""Play every fault and print the table of docs/scaling.md: ``make drill``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.failover.drill import CLOCKS, FAULTS, HEADINGS, Row, Stage, play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how often each fault is played")
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--fault", choices=FAULTS, nargs="+", default=list(FAULTS))
    given = parser.parse_args()
    is_clean = True
    for workers in given.workers:
        print(f"\nWith {workers} worker{'s' * (workers > 1)}:\n")
        print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}", flush=True)
        for fault in given.fault:
            with tempfile.TemporaryDirectory() as folder:
                stage = Stage(Path(folder), workers, CLOCKS.get(fault))
                row = play(fault, stage, given.rate, given.rounds)
            print(f"| {' | '.join(row.cells())} |", flush=True)
            is_clean &= is_in_order(row)
    return 0 if is_clean else 1


def is_in_order(row: Row) -> bool:
    """Tell whether nothing was lost, doubled or a 500; print what was to stderr."""
    for text in [*row.tally.wrong, *row.tally.errors][:20]:
        print(f"{row.fault}: {text}", file=sys.stderr)
    return not row.tally.wrong and not row.tally.errors


if __name__ == "__main__":
    sys.exit(main())
