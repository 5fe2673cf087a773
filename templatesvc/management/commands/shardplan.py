"""Print what mongosh needs to shard the database."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from templatesvc.management.service_command import ServiceCommand
from templatesvc.mongo import sharding, store


class Command(ServiceCommand):
    help = (
        "Print the commands that shard the database, for mongosh on a sharded cluster. "
        "Run ensureindexes before."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        name = store.database_name(settings.MONGODB_URI, settings.MONGODB_DATABASE)
        for line in sharding.plan(name):
            self.stdout.write(line)
