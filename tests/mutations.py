"""Change the code in small ways, and see whether the tests notice.

    pip install cosmic-ray==8.7.0
    python -m tests.mutations --count 200 accounts/limits.py templatesvc/api/idempotency.py -- tests

A mutant that no test notices is printed with SURVIVED: it wants a test, or it means the same.
The tests are collected once; each mutant is a fork in which a function has got another body, and
runs only the tests that execute its line, until one fails. With TESTS_STORE it goes over the wire.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from itertools import starmap
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

import coverage
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parent.parent
CPU_SECONDS = 60  # what takes longer hangs, and so is noticed
SURVIVED, KILLED, FAILED = range(3)  # the exit status of a fork
MARKERS = "not (browser or process or search or long)"


class Mutant(NamedTuple):
    path: str
    operator: str
    source: str
    line: int
    functions: dict[str, CodeType]

    def diff(self) -> str:
        before, after = (ROOT / self.path).read_text().splitlines(), self.source.splitlines()
        changed = difflib.unified_diff(before, after, n=0, lineterm="")
        return "\n".join(line for line in changed if line[:3] not in ("---", "+++", "@@ "))


def functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the functions and methods of a module, not those within them."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            is_function = constant.co_flags & 0x2  # has locals of its own, where a class has not
            yield from [constant] if is_function else functions(constant)


def positions(path: str) -> Iterator[tuple[str, str, int]]:
    """Yield where each operator can change a module: its path, the operator, the occurrence."""
    nodes = list(ast_nodes(get_ast((ROOT / path).read_text())))
    for name in operator_names():
        operator = get_operator(name)
        if not operator.arguments() and "Decorator" not in name:  # which is no function's body
            count = sum(len(list(operator().mutation_positions(node))) for node in nodes)
            yield from ((path, name, occurrence) for occurrence in range(count))


def mutant(path: str, name: str, occurrence: int) -> Mutant | None:
    """Return the mutant; None if it is no program, or differs elsewhere than within functions."""
    source, file = (ROOT / path).read_text(), str(ROOT / path)
    changed = mutate_code(source, get_operator(name)(), occurrence)
    try:
        now = {c.co_qualname: c for c in functions(compile(changed or "", file, "exec"))}
    except SyntaxError:
        return None
    was = {c.co_qualname: c for c in functions(compile(source, file, "exec"))}
    differ = {name: code for name, code in now.items() if code != was.get(name)}
    if changed is None or not differ or not differ.keys() <= was.keys():
        return None
    pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
    line = next(number for number, (before, after) in enumerate(pairs, 1) if before != after)
    return Mutant(path, name.partition("/")[2], changed, line, differ)


def apply(changed: Mutant) -> None:
    """Give the functions of this process their mutated bodies."""
    gc.unfreeze()  # what is frozen would not be found
    # type(), because isinstance() would wake what is lazy.
    live = [each for each in gc.get_objects() if type(each) is FunctionType]
    missing = set(changed.functions)
    for each in live:
        code = changed.functions.get(each.__code__.co_qualname)
        if code and each.__code__.co_filename == str(ROOT / changed.path):
            each.__code__ = code
            missing.discard(code.co_qualname)
    assert not missing, f"{missing} of {changed.path} are not there"


class Mutations:
    """Runs in the place of pytest's loop over the tests, once they are collected."""

    def __init__(self, paths: list[str], count: int, seed: int) -> None:
        self.paths, self.count, self.seed = paths, count, seed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for path in self.paths:  # or a fork would import its own, without the change
            import_module(path.removesuffix(".py").replace("/", "."))
        covering, seconds = self.covering(session.items)
        tests = {item.nodeid: item for item in session.items if item.nodeid in seconds}
        for item in session.items:
            if item.nodeid not in tests:
                print(f"FAILS WITHOUT A MUTANT\t{item.nodeid}")
        drawn = [position for path in self.paths for position in positions(path)]
        random.Random(self.seed).shuffle(drawn)
        told: Counter[str] = Counter()
        seen: set[tuple[str, int, str]] = set()
        for each in filter(None, starmap(mutant, drawn)):
            place = each.path, each.line, each.operator.partition("_")[0]
            if len(seen) == self.count:
                break
            if place in seen:
                continue
            seen.add(place)  # one of a kind in a line: operators have a dozen others
            names = covering[each.path].get(each.line, [])
            names = sorted({name for name in names if name in tests}, key=seconds.__getitem__)
            found = self.fate([tests[name] for name in names], each) if names else "NOT COVERED"
            told[found] += 1
            print(f"{found}\t{each.path}:{each.line}\t{each.operator}\t{len(names)} tests")
            if not found.startswith("killed"):
                print(each.diff())
            sys.stdout.flush()
        print(dict(told))
        return True

    def covering(
        self, items: list[pytest.Item]
    ) -> tuple[dict[str, dict[int, list[str]]], dict[str, float]]:
        """Return which tests execute each line, and how long each test that passes takes."""
        with tempfile.TemporaryDirectory() as folder:
            data, times = f"{folder}/data", Path(folder, "times")
            if not (child := os.fork()):
                measured = coverage.Coverage(data, source=[str(ROOT)], config_file=False)
                measured.start()
                took = []
                for item, following in zip(items, [*items[1:], None], strict=True):
                    measured.switch_context(item.nodeid)
                    start, failed = time.process_time(), item.session.testsfailed
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                    if item.session.testsfailed == failed:
                        took.append(f"{time.process_time() - start}\t{item.nodeid}")
                measured.stop()
                measured.save()
                times.write_text("\0".join(took))
                os._exit(0)
            os.waitpid(child, 0)
            found = coverage.CoverageData(data)
            found.read()
            lines = {path: found.contexts_by_lineno(str(ROOT / path)) for path in self.paths}
            rows = (row.partition("\t") for row in times.read_text().split("\0"))
            return lines, {name: float(seconds) for seconds, _, name in rows}

    def fate(self, items: list[pytest.Item], changed: Mutant) -> str:
        """Run the tests in a fork with a mutant; tell what came of it."""
        if child := os.fork():
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            return {SURVIVED: "SURVIVED", KILLED: "killed", FAILED: "FAILED"}.get(
                code, "killed: hung"
            )
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            apply(changed)
            session = items[0].session
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    os._exit(KILLED)
            os._exit(SURVIVED)
        finally:
            os._exit(FAILED)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markers", default=MARKERS, help=f"of the tests to run ({MARKERS})")
    parser.add_argument("paths", nargs="+", help="modules to change; after --, tests to run")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:split])
    arguments = ["-q", "--tb=no", "--show-capture=no", "-p", "no:randomly", "-m", options.markers]
    # Collecting the tests makes the schema, for which the client is made already.
    arguments += ["-W", "ignore:MongoClient opened before fork"]
    plugin = Mutations(options.paths, options.count, options.seed)
    return pytest.main([*arguments, *sys.argv[split + 1 :]], plugins=[plugin])


if __name__ == "__main__":
    sys.exit(main())
