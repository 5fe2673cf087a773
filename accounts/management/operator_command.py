"""The base of operators' commands."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import APIException

from accounts.documents import User
from accounts.operations import Actor
from templatesvc.api import problems
from templatesvc.management.store_command import StoreCommand
from templatesvc.mongo import store


class OperatorCommand(StoreCommand):
    """A command that does what the operators' pages do, and is audited like them.

    Anybody who can run it may do everything: access to the machine decides that.
    """

    def execute(self, *args: Any, **options: Any) -> Any:
        if store.is_in_memory(settings.MONGODB_URI):
            self.stderr.write("The store is in memory: its data are lost when the command ends.")
        try:
            return super().execute(*args, **options)
        except APIException as error:
            raise CommandError(problems.message(error)) from error

    @property
    def actor(self) -> Actor:
        return Actor.at_shell(type(self).__module__.rpartition(".")[2])

    def user(self, username: str) -> User:
        """Return the user of this name; raises CommandError."""
        user = User.called(username)
        if user is None:
            raise CommandError(f"There is no user named {username!r}.")
        return user

    def new_password(self) -> str:
        """Return a password, asked for twice on a terminal, read from a pipe otherwise."""
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\r\n")
        password = getpass.getpass("New password: ")
        if password != getpass.getpass("New password, again: "):
            raise CommandError("The two passwords differ. Nothing was changed.")
        return password


class UserCommand(OperatorCommand):
    """A command whose argument is a username."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
