"""Run the tests in several processes: first in memory, then over the wire.

``make test`` runs each test where its markers say that it belongs, ``make test-fast`` (``--fast``)
what runs quickly in memory, and ``make test-long`` (``--long``) every test everywhere. ``make
coverage`` (``--coverage``) runs the tests of ``make test``, and tells their coverage. ``--wire``
leaves out the run in memory. Over the wire means on the server of ``MONGODB_TEST_URI``, or else on
embedded ones, started for it. All other arguments go to pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from templatesvc.mongo import embedded
from tests.stores import IN_MEMORY

ROOT = Path(__file__).resolve().parent.parent
# Hundreds of processes are started, and each would compile the project anew.
KEEPING_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}


class Loop(NamedTuple):
    """Which tests to run, as expressions of markers."""

    in_memory: str
    over_the_wire: str | None


SHORT = Loop("not (store or wire or browser or long)", "(store or wire or browser) and not long")
FAST = Loop("not (store or wire or browser or process or search or long)", None)
LONG = Loop("not (wire or browser)", "")


def python(*arguments: str, **environment: str) -> bool:
    """Run a module of Python; tell whether it succeeded."""
    command = [sys.executable, "-m", *arguments]
    environment = os.environ | KEEPING_BYTECODE | environment
    return not subprocess.run(command, cwd=ROOT, env=environment).returncode


def embedded_store(name: str) -> str:
    """Start a server that keeps nothing, and does nothing by itself; return its URI.

    A sweep for what has expired holds all of the server until it has written each deletion down.
    """
    folder = ROOT / "var" / "test-stores" / name
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "secantusd.toml"
    configuration.write_text("[storage]\nttl_sweep_seconds = 0\n")
    return embedded.acquire(folder, "--config", str(configuration))


def wire_stores(processes: int) -> str:
    """Return URIs to test on, naming databases of this run's own.

    The embedded server keeps a core busy, so there is one for each process.
    """
    given = os.environ.get("MONGODB_TEST_URI")
    uris = [given] if given else [embedded_store(str(n)) for n in range(processes)]
    path = f"/templatesvc_tests_{os.getpid()}"
    return " ".join(urlsplit(uri)._replace(path=path).geturl() for uri in uris)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", allow_abbrev=False)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--fast", dest="loop", action="store_const", const=FAST, default=SHORT)
    which.add_argument("--long", dest="loop", action="store_const", const=LONG)
    # Not in each run: measuring takes a third of the time again, and more where much is called.
    parser.add_argument("--coverage", action="store_true", help="measure the coverage")
    parser.add_argument("--wire", action="store_true", help="only over the wire")
    parser.add_argument("-n", type=int, help="processes (cores and one more)")
    options, arguments = parser.parse_known_args()
    loop: Loop = options.loop
    # One more than cores, unless fast: some tests wait for what they start.
    processes = options.n or (os.cpu_count() or 1) + (loop is not FAST)
    # Each begins with a part of the files, whose tests share what they start; whoever is done takes
    # tests from another.
    pytest = ["pytest", *arguments, "-n", str(processes), "--dist", "worksteal"]
    if options.coverage:
        # Without the budgets: what measures the coverage takes memory as well.
        pytest = ["coverage", "run", "-m", *pytest, "--ignore=tests/test_budgets.py"]
        python("coverage", "erase")
    passed = True
    if not options.wire:
        print("\n=== in memory ===", flush=True)
        passed &= python(*pytest, "-m", loop.in_memory, TESTS_STORE=IN_MEMORY)
    if loop.over_the_wire is not None:
        stores = wire_stores(processes)
        shown = ", ".join(uri.rpartition("@")[2] for uri in stores.split())
        print(f"\n=== over the wire: {shown} ===", flush=True)
        passed &= python(*pytest, "-m", loop.over_the_wire, TESTS_STORE=stores)
    if options.coverage:
        python("coverage", "combine", "--quiet")
        passed &= python("coverage", "report")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
