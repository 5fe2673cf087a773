"""Where the data live: the one setting ``MONGODB_URI`` made into a PyMongo client.

Nothing connects at import. MongoEngine calls ``make_client`` at the first query of a process,
which is after gunicorn has forked: a client must not cross a fork.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import mongoengine
from django.conf import settings
from mongoengine.connection import get_connection, get_db
from pymongo import MongoClient
from pymongo.database import Database

from templatesvc import embedded

# What a URI does not say itself. timeoutMS bounds a whole operation, retries and the selection of
# a server included, so that a store which is away is noticed within two seconds.
CLIENT_DEFAULTS: dict[str, Any] = {
    "timeoutMS": 1500,
    "serverSelectionTimeoutMS": 1500,
    "connectTimeoutMS": 1000,
    "w": "majority",
    "appname": "templatesvc",
}


def is_embedded(uri: str) -> bool:
    return not uri


def is_in_memory(uri: str) -> bool:
    return uri.startswith("mongomock://")


def database_name(uri: str, default: str) -> str:
    """Return the database that the URI's path names, or the default.

    PyMongo's own parser is not asked: for ``mongodb+srv://`` it would query the DNS.
    """
    return unquote(urlsplit(uri).path.lstrip("/")) or default


def client_options(uri: str) -> dict[str, Any]:
    """Return the options to add to those of the URI, which win: option names ignore case."""
    given = {name.lower() for name, _ in parse_qsl(urlsplit(uri).query, keep_blank_values=True)}
    return {name: value for name, value in CLIENT_DEFAULTS.items() if name.lower() not in given}


def make_client(**_: Any) -> MongoClient[dict[str, Any]]:
    """Return a client of the store that the settings name.

    MongoEngine's own arguments are not used: it would take the URI apart and drop the options that
    it does not know, so PyMongo gets it whole.
    """
    uri = settings.MONGODB_URI
    if is_in_memory(uri):
        import mongomock

        return mongomock.MongoClient(tz_aware=True)
    if is_embedded(uri):
        uri = embedded.acquire(settings.EMBEDDED_STORE)
    return MongoClient(uri, tz_aware=True, **client_options(uri))


def register() -> None:
    """Tell MongoEngine how to connect, without connecting."""
    mongoengine.register_connection(
        mongoengine.DEFAULT_CONNECTION_NAME,
        name=database_name(settings.MONGODB_URI, settings.MONGODB_DATABASE),
        mongo_client_class=make_client,
        uuidRepresentation="standard",
    )


def client() -> MongoClient[dict[str, Any]]:
    return get_connection()


def database() -> Database[dict[str, Any]]:
    return get_db()


def describe() -> str:
    """Return which store is in use, for people and logs; credentials are never in it."""
    uri = settings.MONGODB_URI
    if is_in_memory(uri):
        return "memory of this process (mongomock): NOTHING IS KEPT"
    if is_embedded(uri):
        return f"the embedded server, in {settings.EMBEDDED_STORE}"
    parts = urlsplit(uri)
    name = database_name(uri, settings.MONGODB_DATABASE)
    return f"MongoDB, {parts.scheme}://{parts.netloc.rpartition('@')[2]}/{name}"
