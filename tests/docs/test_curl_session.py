"""The README's curl session, run as it is printed against a running service.

``python -m tests.docs.test_curl_session PORT`` runs it against one that is there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.docs.markdown import blocks, section
from tests.processes import PATIENCE, Service

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(
        not shutil.which("curl") and "CI" not in os.environ, reason="curl is not installed"
    ),
]
ANSWER = re.compile(r"^# (\{.*|\d{3})$", re.M)


def session() -> str:
    (printed,) = blocks(section("README.md", "With curl"))
    return printed


def pasted(port: int) -> list[str]:
    """Run the session once; return the lines that it writes."""
    ran = subprocess.run(
        ["bash"],
        input=session(),
        env=os.environ | {"PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


def matches(answer: str, line: str) -> bool:
    return bool(re.fullmatch(re.escape(answer).replace("…", ".*"), line))


def differences(port: int) -> list[tuple[str, str]]:
    """Paste the session; return the answers that are not as printed, beside what is printed."""
    pairs = zip(ANSWER.findall(session()), pasted(port), strict=True)
    return [pair for pair in pairs if not matches(*pair)]


def test_the_session_pasted_twice_answers_as_printed_each_time(service: Service) -> None:
    assert differences(service.port) == differences(service.port) == []


if __name__ == "__main__":
    if found := differences(int(sys.argv[1])):
        sys.exit(f"The answers are not as printed: {found}")
