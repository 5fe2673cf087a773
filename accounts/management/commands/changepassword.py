"""Give somebody a new password."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts import operations
from accounts.management.operator_command import UserCommand


class Command(UserCommand):
    help = "Set a user's password and end all their sessions. Asks for it, or reads the first line."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--temporary", action="store_true", help="the user must change it at the next log-in"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.user(options["username"])
        operations.set_password(self.actor, user, self.new_password(), options["temporary"])
        self.stdout.write(f"Set the password of {user}, and ended all their sessions.")
        if options["temporary"]:
            self.stdout.write("They must change it when they log in.")
