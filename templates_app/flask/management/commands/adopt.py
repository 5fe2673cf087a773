"""Take over a database that the Flask service wrote."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import pymongo
from bson.errors import BSONError
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from accounts import audit
from accounts.operations import Actor
from templates_app.flask.adoption.audit import AdoptionAction
from templates_app.flask.adoption.quarantine import Quarantined, undo
from templates_app.flask.adoption.report import Report, report
from templates_app.flask.adoption.steps import Adoption
from templatesvc.management.store_command import StoreCommand
from templatesvc.mongo import errors, indexes, store

# A collection is read in one go. If a day is not enough, run the command again.
MAX_SECONDS = 24 * 3600


def progress(items: Iterable[Any], what: str, total: int) -> Iterable[Any]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    bar: Iterable[Any] = tqdm(items, desc=what, total=total or None, disable=None, leave=False)
    return bar


class Command(StoreCommand):
    help = (
        "List the documents that prevent taking over the Flask service's database. --apply moves "
        "them to the quarantine, --undo puts them back. Exits with status 0 if there are none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        step = parser.add_mutually_exclusive_group()
        step.add_argument(
            "--apply",
            action="store_true",
            help="quarantine what is marked with !",
        )
        step.add_argument("--undo", action="store_true", help="put back what is in the quarantine")
        parser.add_argument(
            "--duplicate-users",
            choices=["keep-oldest", "rename"],
            default="",
            help="what to do with users who have the same name as an older one",
        )
        parser.add_argument(
            "--wrap-passwords",
            action="store_true",
            help="wrap the remaining SHA-256 hashes in Argon2id: the Flask service can then no "
            "longer log these users in",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options["format"] == "json"
        try:
            if not options["apply"] and (options["duplicate_users"] or options["wrap_passwords"]):
                raise CommandError("--duplicate-users and --wrap-passwords require --apply.")
            self._do_in_time(options)
        except CommandError as error:
            if self.as_json:
                self.stdout.write(json.dumps({"error": str(error)}))
            raise

    def _do_in_time(self, options: dict[str, Any]) -> None:
        try:
            store.client().admin.command("ping")  # which must not wait a day
            with pymongo.timeout(MAX_SECONDS):
                self._do(options)
        except indexes.DuplicateValues as error:
            raise CommandError(f"{error}\nRun adopt --apply again.") from error
        except (*errors.STORE_ERRORS, BSONError) as error:
            told = errors.message_of(error)
            raise CommandError(f"The store failed: {told} Run the command again.") from error

    def _do(self, options: dict[str, Any]) -> None:
        if options["undo"]:
            self._undo()
        elif options["apply"]:
            self._apply(options)
        else:
            self._report()

    def _report(self) -> None:
        found = report(progress)
        self._say(found.as_dict())
        if not found.is_ready:
            sys.exit(1)

    def _apply(self, options: dict[str, Any]) -> None:
        choice, wrap = options["duplicate_users"], options["wrap_passwords"]
        if wrap and settings.FLASK_SIDE_BY_SIDE:
            raise CommandError(
                "While FLASK_SIDE_BY_SIDE is on, each log-in stores a bare SHA-256 again. Set it "
                "to off, here and for the service, and then wrap the passwords."
            )
        before = report(progress)
        if before.count("duplicate_users") and not choice:
            raise CommandError(
                f"{before.count('duplicate_users')} users have the name of an older one. Choose "
                "what to do with them: --duplicate-users=keep-oldest or --duplicate-users=rename."
            )
        if wrap and not options["yes"]:
            self._ask(before.count("flask_passwords"))
        # Two entries, so that a run that is killed leaves one.
        self._record(AdoptionAction.BEGUN, duplicate_users=choice, wrap_passwords=wrap)
        adoption = Adoption(before, progress, choice == "rename", wrap)
        adoption.run()
        after = report(progress)
        summary = _summary(before, adoption, after)
        self._record(AdoptionAction.APPLIED, **summary)
        self._say(summary)
        if not after.is_ready:
            raise CommandError("Something new stands in the way. Run adopt --apply again.")

    def _undo(self) -> None:
        self._record(AdoptionAction.UNDO_BEGUN)
        done = {"undone": undo(progress)}
        self._record(AdoptionAction.UNDONE, **done)
        self._say(done)

    def _ask(self, count: int) -> None:
        self.stderr.write(
            f"The Flask service will no longer be able to log in {count} users until they have "
            "logged in here with FLASK_SIDE_BY_SIDE=on. --undo does not change that."
        )
        if not sys.stdin.isatty():
            raise CommandError("Add --yes to confirm this.")
        self.stderr.write("Type yes to continue: ", ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip() != "yes":
            raise CommandError("Nothing was changed.")

    def _record(self, action: AdoptionAction, **details: Any) -> None:
        actor = Actor.at_shell("adopt")
        audit.record(action, "", actor.client, by=actor.name, **details)

    def _say(self, told: dict[str, Any]) -> None:
        if self.as_json:
            self.stdout.write(json.dumps(told, indent=2))
        elif "findings" in told:
            self._say_report(told)
        else:
            for what, counts in told.items():
                shown = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
                self.stdout.write(f"{what + ':':<12}{shown.replace('_', ' ') or 'nothing'}")

    def _say_report(self, told: dict[str, Any]) -> None:
        self.stdout.write(f"Store: {told['store']}")
        for what in ("users", "templates"):
            self.stdout.write(f"  {told[what]:>11,}  {what}")
        for finding in told["findings"]:
            mark = "!" if finding["stands_in_the_way"] and finding["count"] else " "
            self.stdout.write(f"{mark} {finding['count']:>11,}  {finding['meaning']}")
            for sample in finding["samples"] if finding["kind"] != "flask_passwords" else []:
                self.stdout.write(f"{'':15}{sample}")
        if not told["users"] and not told["templates"]:
            self.stdout.write("The database is empty: is it the right one?")
        elif told["ready"]:
            self.stdout.write("Nothing stands in the way.")
        else:
            self.stdout.write("What is marked with ! stands in the way: see adopt --apply.")


def _summary(before: Report, adoption: Adoption, after: Report) -> dict[str, Any]:
    """Return the counts: before = quarantined by this run + after, unless others wrote meanwhile.

    ``quarantine`` counts all that is in it, from earlier runs as well.
    """
    return {
        "before": {"users": before.users, "templates": before.templates},
        "done": {what: number for what, number in adoption.done.items() if number},
        "after": {"users": after.users, "templates": after.templates},
        "quarantine": Quarantined.counts(),
    }
