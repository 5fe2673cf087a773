"""Build the indexes that are missing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from pymongo.errors import OperationFailure

from templatesvc.management.store_command import StoreCommand
from templatesvc.mongo import indexes, store
from templatesvc.mongo.formats import DataFormat
from templatesvc.ops import doctor


class Command(StoreCommand):
    help = "Build the indexes that the store lacks."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Store: {store.describe()}")
        failures: list[str] = []
        for index in indexes.declared():
            self._ensure(index, failures)
        if not failures:
            DataFormat.declare()
        complaints = list(doctor.complaints_at_start())
        if failures:
            raise CommandError("\n".join(failures))
        for finding in complaints:
            self.stdout.write(f"\n{finding}")

    def _ensure(self, index: indexes.Index, failures: list[str]) -> None:
        if index.exists():
            self.stdout.write(f"exists  {index}")
            return
        try:
            index.build()
        except indexes.DuplicateValues as error:
            failures.append(str(error))
        except OperationFailure as error:
            failures.append(
                f"The index {index} can't be built: {error.details or error}. If another index "
                "has its fields or its name, drop that one and try again."
            )
        else:
            self.stdout.write(f"built   {index}")
