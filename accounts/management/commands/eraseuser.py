"""Erase somebody, or go on with erasures that were begun."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts import erasure, operations
from accounts.documents import User
from accounts.management.operator_command import OperatorCommand
from templatesvc.api.notation import format_time

PAUSE = 0.2  # seconds


class Command(OperatorCommand):
    help = (
        "Delete a user with all that is theirs. There is no way back. With --begun instead of a "
        "name, finish every erasure that was begun, and free the names whose time is over."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?")
        parser.add_argument("--begun", action="store_true", help="go on with what was begun")

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        if bool(username) == options["begun"]:
            raise CommandError("Give a name, or --begun.")
        if options["begun"]:
            self._finish_all()
            return
        user = User.tombstones().filter(username=username).first() or self.user(username)
        while not operations.erase(self.actor, user):
            self._wait()
        self.stdout.write(f"Erased {username}.")
        if stone := User.tombstones().filter(username=username).first():
            until = format_time(stone.erased_at + settings.ERASED_NAME_HOLD)
            self.stdout.write(f"Nobody can have the name until {until}.")

    def _finish_all(self) -> None:
        freed = 0
        for tombstone in list(User.tombstones().order_by("erased_at")):
            if erasure.free(tombstone):
                freed += 1
                continue
            while not erasure.sweep(tombstone):
                self._wait()
        left = User.tombstones().count()
        self.stdout.write(f"Names freed: {freed}; held until their time is over: {left}.")

    def _wait(self) -> None:
        self.stdout.write("Deleting…")
        time.sleep(PAUSE)  # somebody else may be doing it
