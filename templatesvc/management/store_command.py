"""The base of all commands that use the store."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from templatesvc.management.service_command import ServiceCommand
from templatesvc.mongo import errors, store


class StoreCommand(ServiceCommand):
    """A command that waits longer for the store than a request may.

    If the store still does not answer, or refuses, the command ends with a sentence.
    """

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            with store.longer_timeouts():
                return super().execute(*args, **options)
        except errors.STORE_ERRORS as error:
            raise CommandError(errors.sentence_of(error)) from error
