"""Create a superuser, or another operator."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import operations
from accounts.documents import User
from accounts.management.operator_command import OperatorCommand
from accounts.operators import Role
from templatesvc.environment import variable


class Command(OperatorCommand):
    help = (
        "Create a superuser. Asks for the name and password, unless they are in "
        "DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD, or in the files that these name "
        "with _FILE at the end; without a terminal, the password is the first line of the input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="the name; if omitted, the command asks for it")
        parser.add_argument("--username", help="the name, as Django's command takes it")
        parser.add_argument(
            "--promote",
            action="store_true",
            help="appoint an existing user, who keeps the password",
        )
        parser.add_argument(
            "--role",
            choices=[role.value for role in Role],
            default=Role.SUPERUSER.value,
            help="; ".join(f"{role.value}: {role.label}" for role in Role),
        )
        parser.add_argument(
            "--noinput", "--no-input", action="store_true", help="ask for nothing, read no input"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.may_ask = not options["noinput"]
        username, role = self._username(options), Role(options["role"])
        user = self.user(username) if options["promote"] else self._create(username)
        operations.appoint(self.actor, user, role)
        self.stdout.write(f"{username} is {role.value}: {role.label}.")

    def _username(self, options: dict[str, Any]) -> str:
        given = {name for name in (options["name"], options["username"]) if name}
        if len(given) > 1:
            raise CommandError("Specify one name: NAME and --username differ.")
        from_environment = self._given("DJANGO_SUPERUSER_USERNAME")
        return next(iter(given), None) or from_environment or self._ask_username()

    def _given(self, name: str) -> str | None:
        try:
            return variable(name)
        except ValueError as error:
            raise CommandError(str(error)) from error

    def _ask_username(self) -> str:
        if not (self.may_ask and sys.stdin.isatty()):
            raise CommandError("Specify the name, or set DJANGO_SUPERUSER_USERNAME.")
        return input("Username: ")

    def _create(self, username: str) -> User:
        if User.named(username):  # before a password is asked for; the index decides
            raise CommandError(
                f"A user named {username!r} exists already. To appoint that user, add --promote."
            )
        user = operations.create_user(self.actor, username, self._password(), must_change=False)
        self.stdout.write(f"Created the user {username}.")
        return user

    def _password(self) -> str:
        given = self._given("DJANGO_SUPERUSER_PASSWORD")
        if given is None and not self.may_ask:
            raise CommandError("Set DJANGO_SUPERUSER_PASSWORD.")
        return self.new_password() if given is None else given
