"""The stores of the tests: each process of the run has one to itself.

``TESTS_STORE`` names them by their URIs, with spaces between. If there are fewer than processes,
some share a server, but never a database.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

IN_MEMORY = "mongomock://"
# What one operation may take. A machine that is busy must not fail a test: the deadlines of a
# request are for users.
SECONDS = 100
PATIENCE = f"timeoutMS={1000 * SECONDS}&connectTimeoutMS={1000 * SECONDS}"


def of_this_process() -> str:
    """Return the URI of the store that this process tests on."""
    uris = os.environ.get("TESTS_STORE", IN_MEMORY).split()
    process = os.environ.get("PYTEST_XDIST_WORKER", "")  # gw0, gw1, …; a new one if one crashed
    uri = uris[int(process.removeprefix("gw") or 0) % len(uris)]
    if uri.startswith(IN_MEMORY):
        return uri
    parts = urlsplit(uri)
    path = f"{parts.path}_{process}" if process else parts.path
    query = parts.query if "timeoutMS" in parts.query else f"{parts.query}&{PATIENCE}".strip("&")
    return parts._replace(path=path, query=query).geturl()
