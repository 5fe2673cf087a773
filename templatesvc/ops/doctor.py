"""What is right and wrong with the service and its store, and what to do about it.

Apps add examinations with ``examines``; ``manage.py doctor`` reports all findings.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core import checks
from pymongo import ReadPreference

from templatesvc.mongo import indexes, needs, store
from templatesvc.mongo.choices import Choices
from templatesvc.mongo.clock import now

# Times of sessions, tokens and limits are compared across machines.
CLOCK_WARNING, CLOCK_ERROR = timedelta(seconds=2), timedelta(seconds=10)
SLOW_ANSWER = timedelta(milliseconds=200)
TTL_PATIENCE = timedelta(minutes=10)  # MongoDB deletes about once a minute


class Level(Choices):
    """How serious a finding is."""

    OK = "ok", "nothing to do"
    WARNING = "warning", "works, but see to it"
    ERROR = "error", "does not work, or is not safe"


class Finding(NamedTuple):
    """One line of the report; ``remedy`` says what to do."""

    level: Level
    subject: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.level.value:<8} {self.subject}: {self.text}"
        return f"{line.rstrip('.')}. {self.remedy}" if self.remedy else line


Examination = Callable[[], Iterator[Finding]]
_examinations: list[Examination] = []
_at_start: list[Examination] = []


def examines(examination: Examination) -> Examination:
    """Register an examination."""
    _examinations.append(examination)
    return examination


def examines_at_start(examination: Examination) -> Examination:
    """Register an examination whose complaints are shown when the service starts as well."""
    _at_start.append(examination)
    return examines(examination)


def report() -> Iterator[Finding]:
    """Yield all findings. Raises PyMongo's errors if the store goes away meanwhile."""
    for examination in _examinations:
        yield from examination()


def complaints_at_start() -> Iterator[Finding]:
    """Yield the warnings and errors to show when the service starts."""
    for examination in _at_start:
        yield from (finding for finding in examination() if finding.level != Level.OK)


def ok(subject: str, text: str) -> Finding:
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, subject, text, remedy)


def error(subject: str, text: str, remedy: str) -> Finding:
    return Finding(Level.ERROR, subject, text, remedy)


def command(line: str) -> str:
    """Return how to run a command of manage.py here, by this Python if it is the project's."""
    python = Path(sys.executable)
    is_near = python.is_relative_to(settings.BASE_DIR)
    return f"{python.relative_to(settings.BASE_DIR) if is_near else 'python'} manage.py {line}"


# --- The service's own ---------------------------------------------------------------------------


@examines
def system_checks() -> Iterator[Finding]:
    """Whether the settings are safe, each and together."""
    found = checks.run_checks(include_deployment_checks=settings.PRODUCTION)
    messages = [message for message in found if not message.is_silenced()]
    for message in messages:
        tell = error if message.is_serious() else warning
        yield tell("settings", f"({message.id}) {message.msg}", message.hint or "")
    if not messages:
        yield ok("settings", "safe")


@examines
def connection() -> Iterator[Finding]:
    """Whether and how fast the store answers, and what it promises for writes and reads."""
    if store.is_in_memory(settings.MONGODB_URI):
        yield warning(
            "connection", "none: the store is in the memory of this process", "Unset MONGODB_URI."
        )
        return
    client = store.client()
    if not client.nodes:
        client.admin.command("ping")  # the first ping also connects
    start = time.monotonic()
    client.admin.command("ping")
    took = timedelta(seconds=time.monotonic() - start)
    text = f"{store.describe()} answers in {took.total_seconds() * 1000:.1f} ms"
    if took < SLOW_ANSWER:
        yield ok("connection", text)
    else:
        yield warning(
            "connection",
            text,
            "Each request waits twice for it: run nearer to the store.",
        )
    w = client.write_concern.document.get("w", "majority")
    if w != "majority" and is_replicated():
        yield error(
            "writes",
            f"are acknowledged by w={w} only",
            "Remove w from MONGODB_URI: a session that has ended could return after a failover.",
        )
    if client.read_preference != ReadPreference.PRIMARY:
        yield error(
            "reads",
            "may come from a secondary, which may still have a session that has ended",
            "Remove readPreference from MONGODB_URI.",
        )


@examines
def server() -> Iterator[Finding]:
    """The version of the store, and whether it survives the failure of a machine."""
    if store.is_in_memory(settings.MONGODB_URI):
        return
    text = f"version {'.'.join(map(str, needs.version()))}"
    if needs.version() < needs.OLDEST_VERSION:
        yield error("server", text, "The service needs MongoDB 6 or later.")
    else:
        yield ok("server", text)
    if not is_replicated():
        yield warning(
            "replication",
            "none",
            "Run MongoDB as a replica set, which survives a failure.",
        )


def is_replicated() -> bool:
    """Tell whether the store is a replica set, or shards of them."""
    hello = store.client().admin.command("hello")
    return "setName" in hello or hello.get("msg") == "isdbgrid"


@examines
def server_needs() -> Iterator[Finding]:
    """Whether the server can do what the service needs, tried on temporary collections."""
    if store.is_in_memory(settings.MONGODB_URI):
        return
    unmet = list(needs.unmet())
    for need, reason in unmet:
        yield error(
            "capability",
            f"{need.name} ({need.purpose}): {reason}",
            "Use MongoDB 6 or later, or a server that does this as MongoDB does.",
        )
    if not unmet:
        yield ok("capabilities", f"the server does all {len(needs.all_needs())} that are needed")


@examines
def clock() -> Iterator[Finding]:
    """How far the store's clock is from this machine's."""
    if store.is_in_memory(settings.MONGODB_URI):
        return
    before = now()
    theirs = store.client().admin.command("hello")["localTime"].replace(tzinfo=UTC)
    apart = max(before - theirs, theirs - now(), timedelta())
    text = f"{apart.total_seconds():.1f} s off the store's"
    if apart < CLOCK_WARNING:
        yield ok("clock", text)
    else:
        tell = warning if apart < CLOCK_ERROR else error
        yield tell("clock", text, "Synchronize both clocks, for example with chrony.")


@examines
def standing_indexes() -> Iterator[Finding]:
    """Whether all indexes exist as they are declared."""
    missing = list(indexes.missing())
    for index in missing:
        yield error("index", f"{index} is missing", f"Run: {command('ensureindexes')}")
    if not missing:
        yield ok("indexes", f"all {len(list(indexes.declared()))} exist")


@examines
def expiry() -> Iterator[Finding]:
    """Whether the store deletes what has expired."""
    lagging = []
    for index in indexes.declared():
        if "expireAfterSeconds" in index.options:
            (field, _), *_ = index.keys
            expired = {field: {"$lt": now() - TTL_PATIENCE}}
            if index.document._get_collection().find_one(expired, {"_id": True}):
                lagging.append(index.document._get_collection_name())
    for name in lagging:
        yield warning(
            "expiry",
            f"{name} has documents that expired over ten minutes ago",
            "Check that MongoDB's ttlMonitorEnabled is on and its secondaries keep up.",
        )
    if not lagging:
        yield ok("expiry", "what has expired is deleted")
