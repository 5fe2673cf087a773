"""The service as ``make run`` starts it, on the store of the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.docs.markdown import ROOT

START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError("The service did not start; what it said is above.")


@pytest.fixture(scope="module")
def port(_store: None) -> Iterator[int]:
    """The port of a running service; such tests are marked ``wire``."""
    port = free_port()
    mine = {"DJANGO_SETTINGS_MODULE": "templatesvc.settings", "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runservice"],
        cwd=ROOT,
        env=os.environ | mine | {"WEB_CONCURRENCY": "1"},
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()
