"""Lock somebody out."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts import operations
from accounts.management.operator_command import UserCommand


class Command(UserCommand):
    help = "Deactivate a user: their sessions end at once, and they can't log in any more."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--undo", action="store_true", help="reactivate the user")

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.user(options["username"])
        if options["undo"]:
            is_changed = operations.reactivate(self.actor, user)
            done, already = "Reactivated {}: they can log in.", "{} is active already."
        else:
            is_changed = operations.deactivate(self.actor, user)
            done = "Deactivated {}, and ended all their sessions."
            already = "{} is deactivated already."
        self.stdout.write((done if is_changed else already).format(user))
