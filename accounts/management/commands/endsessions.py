"""Log somebody out everywhere."""

from __future__ import annotations

from typing import Any

from accounts import operations
from accounts.management.operator_command import UserCommand


class Command(UserCommand):
    help = "End all sessions of a user; they can log in again."

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.user(options["username"])
        operations.end_sessions(self.actor, user)
        self.stdout.write(f"Ended all sessions of {user}.")
