"""How much memory and time ``manage.py adopt`` takes to report on a million templates.

    MONGODB_URI='mongodb://127.0.0.1:27017/?directConnection=true' \\
        python -m benchmarks.adoption [templates]

It fills a database of its own on that server, reports on it, prints the figures, and drops it.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.collection import Collection

ROOT = Path(__file__).resolve().parent.parent
NAME = f"benchmark_adoption_{os.getpid()}"
TEMPLATES_EACH = 20
BATCH = 10_000


def users(count: int) -> Iterator[dict[str, Any]]:
    password = hashlib.sha256(b"a password").hexdigest()
    return ({"username": f"person-{number}", "password": password} for number in range(count))


def templates(count: int) -> Iterator[dict[str, Any]]:
    """Yield texts and objects; one in a thousand stands twice, one is somebody's who is gone."""
    for number in range(count):
        owner = f"person-{number // TEMPLATES_EACH}" if number % 1000 else "gone"
        own = number - number % 1000 + 1 if number % 1000 == 2 else number
        value: Any = f"text {own} " + "x" * 100 if own % 2 else {"number": own, "tags": ["a", "b"]}
        yield {"profile": owner, "template": value}


def insert(collection: Collection[dict[str, Any]], documents: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            collection.insert_many(batch, ordered=False)
            batch = []
    if batch:
        collection.insert_many(batch, ordered=False)


def report(uri: str) -> tuple[dict[str, Any], float, float]:
    """Return what the command reports, in how many seconds, in how many MB of memory at most."""
    began = time.monotonic()
    environment = os.environ | {"MONGODB_URI": uri, "SECRET_KEY": "x" * 48}
    ran = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "adopt", "--format=json"],
        env=environment,
        stdout=subprocess.PIPE,
        check=False,
    )
    seconds = time.monotonic() - began
    # Of the only child that this process has had; Linux counts in KiB.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return json.loads(ran.stdout), seconds, peak / 1024


def main(count: int) -> None:
    uri = urlsplit(os.environ["MONGODB_URI"])._replace(path=f"/{NAME}").geturl()
    with MongoClient[dict[str, Any]](uri) as client:
        database = client[NAME]
        try:
            insert(database["users"], users(count // TEMPLATES_EACH))
            insert(database["templates"], templates(count))
            found, seconds, megabytes = report(uri)
        finally:
            client.drop_database(NAME)
    print(f"{found['users']:,} users and {found['templates']:,} templates")
    for finding in found["findings"]:
        if finding["count"]:
            print(f"  {finding['count']:>9,} {finding['kind']}")
    print(f"reported on in {seconds:.0f} s and {megabytes:.0f} MB of memory at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
