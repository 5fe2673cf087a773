"""Django's commands that make no sense for this service, and what to do instead."""

from __future__ import annotations

import json
import os
import shlex

from django.conf import settings

from templatesvc.mongo import embedded, store

NO_MIGRATIONS = (
    "MongoDB needs no migrations: a document may lack a field that it was given later. "
    "To build the indexes, run: python manage.py ensureindexes"
)
NO_SQL = "There is no SQL database here: everything is in MongoDB."
TESTS = "Run the tests with: make test"
INSTEAD = {
    **dict.fromkeys(("migrate", "makemigrations", "showmigrations"), NO_MIGRATIONS),
    **dict.fromkeys(("sqlmigrate", "squashmigrations", "optimizemigration"), NO_MIGRATIONS),
    **dict.fromkeys(("test", "testserver"), TESTS),
    **dict.fromkeys(("createcachetable", "inspectdb", "sqlflush", "sqlsequencereset"), NO_SQL),
    "remove_stale_contenttypes": NO_SQL,
    "collectstatic": "There is nothing to collect: the service delivers its static files itself.",
    "sendtestemail": "The service sends no e-mail.",
    "generateschema": "Write the OpenAPI schema with: python manage.py spectacular",
    **dict.fromkeys(("makemessages", "compilemessages"), "All texts are in English."),
    "clearsessions": "MongoDB removes sessions that have expired by itself.",
    "dbshell": f"{NO_SQL} Enter use {{name}} in its shell: mongosh {{uri}}",
    "flush": (
        f"{NO_SQL} To delete all data, enter db.getSiblingDB({{quoted}}).dropDatabase() in: "
        "mongosh {uri}"
    ),
    "dumpdata": (
        f"{NO_SQL} To copy all data into a file, run: "
        "mongodump --db={word} --archive=FILE {uri}"
    ),
    "loaddata": f"{NO_SQL} To read such a copy, run: mongorestore --archive=FILE {{uri}}",
}


def instead_of(command: str) -> str | None:
    """Return what to do instead of a command; None if the command works."""
    advice = INSTEAD.get(command)
    # The URI may name no database: a shell would then take one of its own.
    name = store.database_name(settings.MONGODB_URI, settings.MONGODB_DATABASE)
    return advice and advice.format(
        uri=_uri(), name=name, quoted=json.dumps(name), word=shlex.quote(name)
    )


def _uri() -> str:
    """Return a shell word for the store's URI, which does not show the password."""
    if settings.MONGODB_URI:
        is_in_file = {"MONGODB_URI_FILE"} <= os.environ.keys()  # it comes first if both are set
        return '"$(cat "$MONGODB_URI_FILE")"' if is_in_file else '"$MONGODB_URI"'
    uri = embedded.running(settings.EMBEDDED_STORE)
    name = store.database_name("", settings.MONGODB_DATABASE)
    return f'"{uri.replace("/?", f"/{name}?")}"' if uri else "URI, once the service runs"
