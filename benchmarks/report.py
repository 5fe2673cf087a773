"""What was measured, in Markdown."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.load import CONNECTIONS, NAME, Load
from benchmarks.routes import ROUTES

OURS, LIMIT = "this service", "bare WSGI"
FLASKS = ("Flask", "Flask, sync")
PACKAGES = ("django", "djangorestframework", "mongoengine", "pymongo", "gunicorn", "flask")
Rounds = dict[str, list[Load]]


class Results:
    """The loads of each size, route and contender, round by round."""

    def __init__(self, rounds: int, seconds: float, flask: Path | None) -> None:
        self.rounds = rounds
        self.seconds = seconds
        self.flask = flask
        self.store = ""
        self.loads: dict[str, dict[str, Rounds]] = {}
        self.hash_ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.hashes: list[float] = []
        self.workers: list[tuple[float, float]] = []
        self.memory: list[tuple[int, float]] = []
        self.began = os.getloadavg()[0]

    def add(self, size: str, route: str, contender: str, measured: Load) -> None:
        routes = self.loads.setdefault(size, {})
        routes.setdefault(route, {}).setdefault(contender, []).append(measured)

    def by_hash(self, size: str, route: str, ratio: float) -> None:
        self.hash_ratios[size, route].append(ratio)

    def text(self) -> str:
        """Return the whole page."""
        parts = [HEAD.format(**self._circumstances())]
        parts += [self._table(size, routes) for size, routes in self.loads.items()]
        parts += [self._hashing(), self._growth(), self._workers(), self._memory()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _circumstances(self) -> dict[str, object]:
        names = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        return {
            "date": time.strftime("%Y-%m-%d"),
            "cores": os.cpu_count(),
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30,
            "system": f"{platform.system()} {platform.machine()}",
            "python": sys.version.split()[0],
            "packages": names,
            "store": self.store,
            "load": NAME,
            "connections": CONNECTIONS,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "flask": "the Flask service itself" if self.flask else "the stand-in in `tests/`",
            "busy": f"{self.began:.1f}",
            "deleted": min(route.most for route in ROUTES),
            "hash": f"{median(self.hashes):.1f}" if self.hashes else "?",
        }

    def _table(self, size: str, routes: dict[str, Rounds]) -> str:
        lines = [f"## {size}", "", TABLE_HEAD]
        for route, rounds in routes.items():
            for name, loads in rounds.items():
                cells = [
                    f"`{route}`",
                    name,
                    f"{median(one.rate for one in loads):,.1f}",
                    f"{median(one.p50 for one in loads):,.1f}",
                    f"{median(one.p99 for one in loads):,.1f}",
                    self._by_flask(rounds) if name == OURS else "",
                    spread(rounds, OURS, LIMIT) if name == OURS else "",
                ]
                lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)

    @staticmethod
    def _by_flask(rounds: Rounds) -> str:
        """Return the ratio to the better of the Flask service's two servers."""
        there = [name for name in FLASKS if name in rounds]
        if not there:
            return ""
        best = max(there, key=lambda name: median(one.rate for one in rounds[name]))
        return spread(rounds, OURS, best)

    def _hashing(self) -> str:
        lines = ["## Log-in and registration beside one bare Argon2id hash", "", HASH_HEAD]
        for (size, route), ratios in self.hash_ratios.items():
            lines.append(f"| `{route}` | {size} | {spread_of(ratios)} |")
        return "\n".join(lines) if self.hash_ratios else ""

    def _growth(self) -> str:
        """Compare the latencies of the first size and the last."""
        if len(self.loads) < 2:
            return ""
        (small, few), *_, (large, many) = self.loads.items()
        lines = [f"## From {small} to {large}", "", GROWTH_HEAD]
        for route in few:
            p99s = [median(one.p99 for one in each[route][OURS]) for each in (few, many)]
            cells = (f"{p99s[0]:.1f}", f"{p99s[1]:.1f}", f"{p99s[1] / p99s[0]:.2f}")
            lines.append(f"| `{route}` | {' | '.join(cells)} |")
        return "\n".join(lines)

    def _workers(self) -> str:
        if not self.workers:
            return ""
        ratios = [two / one for one, two in self.workers]
        rates = [f"{median(each):,.0f}" for each in zip(*self.workers, strict=True)]
        return (
            "## Two workers beside one\n\n"
            "Lists of ten, eight requests at a time, each over its own connection as from a proxy: "
            f"{rates[0]} requests/s with one worker, {rates[1]} with two: {spread_of(ratios)} "
            "times as many. The store and the load generator shared the same cores."
        )

    def _memory(self) -> str:
        if not self.memory:
            return ""
        lines = ["## Memory of a worker", "", "| requests answered | resident, MB |", "|---|---|"]
        lines += [f"| {count:,} | {megabytes:.1f} |" for count, megabytes in self.memory]
        return "\n".join(lines)


def spread(rounds: Rounds, name: str, other: str) -> str:
    """Return the ratio of two contenders' rates, round by round."""
    if other not in rounds or name not in rounds:
        return ""
    pairs = zip(rounds[name], rounds[other], strict=True)
    return spread_of([mine.rate / theirs.rate for mine, theirs in pairs if theirs.rate])


def spread_of(ratios: list[float]) -> str:
    """Return the median of some ratios with the least and the greatest."""
    if not ratios:
        return "none was answered"
    digits = 0 if median(ratios) > 20 else 2
    least, middle, most = min(ratios), median(ratios), max(ratios)
    return f"{middle:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


HEAD = """# Benchmarks

Measured on {date} by `make bench`; [performance.md](performance.md) discusses the results. The
services, the store and the load generator share one machine: {cores} cores, {memory} GB,
{system}, Python {python}. Its load was {busy} before the start. Versions: {packages}. The store
is a MongoDB-compatible server that reports version {store}. The load is generated by {load} over
{connections} connections, in {rounds} rounds of {seconds} seconds for each route and service,
whose order changes from round to round. Figures are medians over the rounds. Ratios are taken
within each round; the lowest and the highest are in brackets.

*This service* runs as it ships, *bare WSGI* in gunicorn's threads, four in each worker.
*Flask* ({flask}) runs in the same way, and *Flask, sync* under gunicorn with its defaults; ratios
are to the better of these two. The service has the packages of `requirements.txt`, as in
production. Bare WSGI is a function with the same two reads and nothing else, and thus the upper
limit. All have one worker. For deletions each collection first gets {deleted} additional
templates, which the Flask service then scans as well, fewer after each deletion."""
TABLE_HEAD = """\
| route | service | requests/s | p50, ms | p99, ms | to Flask | to bare WSGI |
|---|---|---|---|---|---|---|"""
HASH_HEAD = """\
| route | size | times the hash |
|---|---|---|"""
GROWTH_HEAD = """\
| route | p99 of the first, ms | p99 of the last, ms | ratio |
|---|---|---|---|"""
