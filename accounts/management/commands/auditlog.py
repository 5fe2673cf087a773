"""Read the audit."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from django.core.management.base import CommandParser
from marshmallow import ValidationError
from mongoengine.queryset import QuerySet

from accounts import operations
from accounts.audit import AuditEntry, sentences
from accounts.management.operator_command import OperatorCommand
from accounts.transfer import entry_line
from templatesvc.api.notation import format_time
from templatesvc.durations import duration
from templatesvc.mongo import errors, ids
from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import new_id
from templatesvc.mongo.walks import walk_by_id
from templatesvc.ops.log_lines import printable

POLL_SECONDS = 1
# Other machines' entries may be this late, because of their clocks or of slow writes.
LATE = timedelta(seconds=10)


def how_far_back(text: str) -> timedelta:
    """Read a duration in the notation of the settings; raises ArgumentTypeError."""
    try:
        return duration(text, at_least="0s")
    except ValidationError as error:
        raise ArgumentTypeError(" ".join(error.messages)) from error


class News:
    """The entries that come in from ``since`` on, each of them once.

    ``seen`` ids are remembered only as long as they could be found again.
    """

    def __init__(self, found: QuerySet, seen: set[ObjectId], since: datetime) -> None:
        self.found, self.seen, self.since = found, seen, since

    def poll(self) -> list[AuditEntry]:
        """Return the entries that have come in since the last time."""
        asked = now()
        recent = list(self.found.filter(id__gte=new_id(self.since)).order_by("id"))
        new = [entry for entry in recent if entry.id not in self.seen]
        # Never earlier, even if the clock was set back: ``seen`` reaches back only so far.
        self.since = max(self.since, asked - LATE)
        self.seen = {entry.id for entry in recent}
        return new


class Command(OperatorCommand):
    help = "Show the newest 100 entries of the audit, or those that match, the oldest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", help="entries about this user")
        parser.add_argument("--by", help="entries of what this user did")
        parser.add_argument("--action", choices=list(sentences()))
        parser.add_argument("--document", help="entries about a document: COLLECTION/ID")
        parser.add_argument("--since", type=how_far_back, help="how far back: 30m, 12h, 7d")
        parser.add_argument(
            "--all", action="store_true", help="all entries instead of the newest 100"
        )
        parser.add_argument("--follow", action="store_true", help="wait for new entries")
        parser.add_argument("--format", choices=["line", "json"], default="line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._tell(options)
        except KeyboardInterrupt:
            sys.stderr.close()  # otherwise Python complains if the reader was interrupted as well

    def _tell(self, options: dict[str, Any]) -> None:
        self.as_json = options["format"] == "json"
        found, start, actor = self._found(options), now(), self.actor
        is_bounded = not options["all"] and options["since"] is None
        newest = found.order_by("-id").limit(100)
        # As a list: a queryset would be reversed by a query for each entry, at moving positions.
        entries = reversed(list(newest)) if is_bounded else walk_by_id(found)
        shown: list[ObjectId] = []
        try:
            for entry in entries:
                shown.append(self._show(entry))
        finally:  # also if somebody ends the command, who has read what came before
            operations.audit_read(actor, entries=len(shown))
        if options["follow"]:
            self._follow(News(found, set(shown[-1000:]), start - LATE))

    def _found(self, options: dict[str, Any]) -> QuerySet:
        fields = {"user": "username", "by": "by", "action": "action", "document": "document"}
        given = {
            field: options[name] for name, field in fields.items() if options[name] is not None
        }
        if options["since"] is not None:
            given["at__gte"] = now() - options["since"]
            given["id__gte"] = new_id(ids.nearest(given["at__gte"] - LATE))
        return AuditEntry.objects(**given)

    def _follow(self, news: News) -> None:
        """Show entries as they come, until the command is interrupted."""
        while True:
            try:
                entries = news.poll()
            except errors.STORE_ERRORS as error:
                self.stderr.write(errors.sentence_of(error))
            else:
                for entry in entries:
                    self._show(entry)
            time.sleep(POLL_SECONDS)

    def _show(self, entry: AuditEntry) -> ObjectId:
        text = entry_line(entry).decode() if self.as_json else line(entry)
        self.stdout.write(text)
        self.stdout.flush()
        return entry.id


def line(entry: AuditEntry) -> str:
    """Return an entry as a line for a terminal."""
    changes = [f"{name}: {was} -> {is_}" for name, (was, is_) in entry.changes.items()]
    details = [f"{name}={value}" for name, value in entry.details.items()]
    parts = [
        format_time(entry.at),
        entry.username or "(nobody's name)",
        entry.sentence,
        *([f"by {entry.by}"] if entry.by and entry.by != entry.username else []),
        *([entry.document] if entry.document else []),
        *changes,
        *details,
        f"[{entry.ip or '-'} {entry.user_agent} {entry.request_id}]",
    ]
    return printable("  ".join(parts))  # names may hold anything
