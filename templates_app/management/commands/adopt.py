"""Take over a database that the Flask service wrote."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts import audit
from accounts.audit import Action
from accounts.clients import Client
from templates_app import adoption
from templatesvc import exceptions, indexes, store


def progress(items: Iterable[Any], what: str, total: int) -> Iterable[Any]:
    """Show a bar on a terminal, and nothing elsewhere."""
    bar: Iterable[Any] = tqdm(items, desc=what, total=total or None, disable=None, leave=False)
    return bar


class Command(BaseCommand):
    help = (
        "Tell what stands in the way of taking over a database of the Flask service; with --apply "
        "clear it, with --undo put back what was taken out. Exit status 0: nothing is in the way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        step = parser.add_mutually_exclusive_group()
        step.add_argument("--apply", action="store_true", help="do what the report says")
        step.add_argument("--undo", action="store_true", help="put back the quarantine")
        parser.add_argument(
            "--duplicate-users",
            choices=["keep-oldest", "rename"],
            default="",
            help="what becomes of all but the oldest of the users of one name",
        )
        parser.add_argument(
            "--wrap-passwords",
            action="store_true",
            help="put Argon2id around the remaining SHA-256 hashes: the Flask service can then no "
            "longer log these people in",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options["format"] == "json"
        try:
            if options["undo"]:
                self._say({"undone": adoption.undo(progress)})
                self._record(Action.ADOPTION_UNDONE, {})
            elif options["apply"]:
                self._apply(options)
            else:
                self._report()
        except indexes.DuplicateValues as error:
            raise CommandError(str(error)) from error
        except exceptions.STORE_ERRORS as error:
            raise CommandError(f"The store does not answer: {error}") from error

    def _report(self) -> None:
        found = adoption.report(progress)
        self._say(found.as_dict())
        if not found.is_ready:
            sys.exit(1)

    def _apply(self, options: dict[str, Any]) -> None:
        before = adoption.report(progress)
        if before.count("duplicate_users") and not options["duplicate_users"]:
            raise CommandError(
                f"{before.count('duplicate_users')} users have the name of an older one. Choose "
                "what becomes of them: --duplicate-users=keep-oldest or --duplicate-users=rename."
            )
        if options["wrap_passwords"] and not options["yes"]:
            self._ask(before.count("flask_passwords"))
        doing = adoption.Adoption(progress, options["duplicate_users"], options["wrap_passwords"])
        doing.run()
        after = adoption.report(progress)
        summary = {
            "before": {"users": before.users, "templates": before.templates},
            "done": doing.done,
            "after": {"users": after.users, "templates": after.templates},
        }
        self._record(Action.ADOPTION_APPLIED, summary)
        self._say(summary)

    def _ask(self, count: int) -> None:
        self.stderr.write(
            f"The Flask service will no longer be able to log in {count} people. This can't be "
            "undone, --undo included."
        )
        if not sys.stdin.isatty():
            raise CommandError("Give --yes if that is what you want.")
        if input("Type yes to go on: ").strip() != "yes":
            raise CommandError("Nothing was changed.")

    def _record(self, action: Action, details: dict[str, Any]) -> None:
        audit.record(action, getpass.getuser(), Client(user_agent="manage.py adopt"), **details)

    def _say(self, told: dict[str, Any]) -> None:
        if self.as_json:
            self.stdout.write(json.dumps(told, indent=2))
        elif "findings" in told:
            self._say_report(told)
        else:
            for what, counts in told.items():
                shown = ", ".join(f"{name} {count}" for name, count in counts.items())
                self.stdout.write(f"{what}: {shown or 'nothing'}")

    def _say_report(self, told: dict[str, Any]) -> None:
        self.stdout.write(f"Store: {store.describe()}")
        self.stdout.write(f"{told['users']:>9,}  users")
        self.stdout.write(f"{told['templates']:>9,}  templates\n")
        for finding in told["findings"]:
            mark = "!" if finding["stands_in_the_way"] and finding["count"] else " "
            self.stdout.write(f"{mark}{finding['count']:>8,}  {finding['meaning']}")
            for sample in finding["samples"] if finding["kind"] != "flask_passwords" else []:
                self.stdout.write(f"             {sample}")
        if told["ready"]:
            self.stdout.write("\nNothing stands in the way.")
        else:
            self.stdout.write("\nWhat is marked with ! stands in the way: see adopt --apply.")
