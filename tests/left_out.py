"""Tells at the end which tests the markers left out, and fails a test that lacks its marker."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest

# A test counts for the first marker that it has.
MARKERS = {
    "browser": "drive a browser",
    "wire": "need a MongoDB server",
    "long": "take longer",
    "process": "start processes",
    "search": "search through random or all states",
    "store": "run over the wire",
}
LEFT_OUT = pytest.StashKey[Counter[str]]()
_may_start_processes = True


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()
    sys.addaudithook(_audit)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        name = next(filter(item.get_closest_marker, MARKERS), None)
        if name:
            item.config.stash[LEFT_OUT][name] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    left_out = session.config.stash[LEFT_OUT]
    if output := getattr(session.config, "workeroutput", None):
        output["left out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)  # only the process that distributes the tests has it
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of the run left out: each of them leaves out the same."""
    left_out: dict[str, int] = getattr(node, "workeroutput", {}).get("left out", {})
    node.config.stash[LEFT_OUT] = Counter(left_out)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for name, count in config.stash[LEFT_OUT].most_common():
        terminalreporter.write_line(f"left out: {count} tests that {MARKERS[name]} ({name})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    global _may_start_processes
    _may_start_processes = any(map(item.get_closest_marker, ("process", "wire", "browser")))
    try:
        return (yield)
    finally:
        _may_start_processes = True


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and not _may_start_processes:
        raise RuntimeError("This test starts a process: mark it with pytest.mark.process.")


def mostly_long(first: Any, *others: Any) -> list[Any]:
    """Return cases for ``parametrize``, of which the first stands for all in the short loop."""
    cases = [each if isinstance(each, tuple) else (each,) for each in others]
    return [first, *(pytest.param(*each, marks=pytest.mark.long) for each in cases)]
