"""Run the suite on mongomock, then over the wire; ``make test`` calls this.

Over the wire means on the server of ``MONGODB_TEST_URI``, or else on an embedded one that is
started for it. Arguments go to pytest; ``--long`` adds the tests that search longer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from templatesvc import embedded

ROOT = Path(__file__).resolve().parent.parent


def run(title: str, store: str, markers: str, arguments: list[str]) -> bool:
    """Run pytest on one store; tell whether it passed."""
    print(f"\n=== {title} ===", flush=True)
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-m", markers, *arguments]
    return not subprocess.run(command, cwd=ROOT, env=os.environ | {"TESTS_STORE": store}).returncode


def coverage(*arguments: str) -> bool:
    command = [sys.executable, "-m", "coverage", *arguments]
    return not subprocess.run(command, cwd=ROOT).returncode


def wire_store() -> str:
    """Return the URI of the server to test on, naming a database of this run's own."""
    uri = os.environ.get("MONGODB_TEST_URI") or embedded.acquire(ROOT / "var" / "test-store")
    parts = urlsplit(uri)
    return parts._replace(path=f"/templatesvc_tests_{os.getpid()}").geturl()


def main(arguments: list[str]) -> int:
    marked = "" if "--long" in arguments else " and not long"
    arguments = [argument for argument in arguments if argument != "--long"]
    coverage("erase")
    passed = run("mongomock", "mongomock://", f"not wire and not browser{marked}", arguments)
    store = wire_store()
    shown = store.rpartition("@")[2]
    passed &= run(f"over the wire: {shown}", store, f"not none{marked}", arguments)
    if not arguments:
        coverage("combine", "--quiet")
        passed &= coverage("report")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
