"""Give somebody a new password."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts import operations
from accounts.management.operator_command import UserCommand


class Command(UserCommand):
    help = (
        "Set a user's password, asked for or from the first line of the input; ends all sessions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--temporary", action="store_true", help="they have to choose another to go on"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.user(options["username"])
        operations.set_password(self.actor, user, self.new_password(), options["temporary"])
        self.stdout.write(f"Set the password of {user}, and ended all their sessions.")
        if options["temporary"]:
            self.stdout.write("They have to choose another when they log in.")
