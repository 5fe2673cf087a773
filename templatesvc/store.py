"""Where the data live: the one setting ``MONGODB_URI`` made into a PyMongo client.

Nothing connects at import. MongoEngine calls ``make_client`` at the first query of a process,
which is after gunicorn has forked: a client must not cross a fork.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import mongoengine
import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from mongoengine.connection import get_connection, get_db
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.topology_description import TopologyDescription
from pymongo.uri_parser import parse_uri

from templatesvc import embedded

# What a URI does not say itself. timeoutMS bounds a whole operation, retries and the selection of
# a server included, so that a store which is away is noticed within two seconds: PyMongo looks at
# the clock each half second while it waits for a server, and so may take that much longer.
CLIENT_DEFAULTS: dict[str, Any] = {
    "timeoutMS": 1300,
    "serverSelectionTimeoutMS": 1300,
    "connectTimeoutMS": 1000,
    "w": "majority",
    "appname": "templatesvc",
}
# Timeouts of the driver that timeoutMS would overrule.
SINGLE_TIMEOUTS = {"sockettimeoutms", "serverselectiontimeoutms"}
# A time that Python's calendar does not have, from another program, is no reason to fail.
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
# While the store is known to be away: enough to see that it is back, too short to queue up for.
AWAY_SECONDS = 0.4
SEARCH_SECONDS = 5

_client: MongoClient[dict[str, Any]] | None = None


def is_embedded(uri: str) -> bool:
    return not uri


def is_in_memory(uri: str) -> bool:
    return uri.startswith("mongomock://")


def database_name(uri: str, default: str) -> str:
    """Return the database that the URI's path names, or the default."""
    return unquote(_split(uri).database) or default


def given_options(uri: str) -> dict[str, str]:
    """Return the options of the URI, their names in lower case: MongoDB ignores it."""
    given = parse_qsl(_split(uri).options, keep_blank_values=True)
    return {name.lower(): value for name, value in given}


def client_options(uri: str) -> dict[str, Any]:
    """Return the options to add to those of the URI, which win."""
    given = given_options(uri).keys()
    added = dict(CLIENT_DEFAULTS)
    if given & SINGLE_TIMEOUTS:
        added["socketTimeoutMS"] = added.pop("timeoutMS")
    return {name: value for name, value in added.items() if name.lower() not in given}


def check(uri: str) -> None:
    """Raise ValueError if PyMongo would not take a ``mongodb`` URI; the text may quote from it."""
    # As if without +srv, and its options, for which PyMongo would query the DNS.
    plain = f"mongodb://{uri.partition('://')[2]}"
    with warnings.catch_warnings(action="ignore"):  # an option that only other drivers know
        try:
            parse_uri(plain.partition("?")[0] if "+srv://" in uri else plain, warn=True)
        except PyMongoError as error:
            raise ValueError(str(error)) from error


class _Parts(NamedTuple):
    hosts: str
    database: str
    options: str


def _split(uri: str) -> _Parts:
    """Take a URI apart where PyMongo does, which differs from urllib where a # is not quoted.

    PyMongo's own parser is not asked: for ``mongodb+srv://`` it would query the DNS.
    """
    before, _, options = uri.partition("://")[2].partition("?")
    authority, _, database = before.partition("/")
    return _Parts(authority.rpartition("@")[2], database, options)


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
    global _client
    options = client_options(uri) | {
        "tz_aware": CODEC.tz_aware,
        "datetime_conversion": DatetimeConversion.DATETIME_AUTO.name,
    }
    _client = MongoClient(uri, **options)
    return _client


def register() -> None:
    """Tell MongoEngine how to connect, without connecting."""
    mongoengine.register_connection(
        mongoengine.DEFAULT_CONNECTION_NAME,
        name=database_name(settings.MONGODB_URI, settings.MONGODB_DATABASE),
        mongo_client_class=make_client,
        uuidRepresentation="standard",
    )


def client() -> MongoClient[dict[str, Any]]:
    """Return this process's client, made at the first call."""
    return get_connection()


def database() -> Database[dict[str, Any]]:
    """Return the database of the service, of this process's client."""
    return get_db()


def describe() -> str:
    """Return which store is in use, for people and logs; credentials are never in it."""
    uri = settings.MONGODB_URI
    if is_in_memory(uri):
        return "memory of this process (mongomock): NOTHING IS KEPT"
    if is_embedded(uri):
        return f"the embedded server, in {settings.EMBEDDED_STORE}"
    scheme, _, rest = uri.partition("://")
    # The last @, wherever it is: what is before it may be a password that nobody quoted.
    public = f"{scheme}://{rest.rpartition('@')[2]}"
    name = database_name(public, settings.MONGODB_DATABASE)
    return f"MongoDB, {scheme}://{_split(public).hosts}/{name}"


def request_seconds() -> float | None:
    """Return how long a request may wait for the store in all, if it is known to be away.

    None otherwise: each operation has its own time then, and none is lost to hashing passwords.
    """
    is_known_to_be_away = _client is not None and is_away(_client.topology_description)
    return AWAY_SECONDS if is_known_to_be_away else None


def is_away(topology: TopologyDescription) -> bool:
    """Tell whether the last try to reach the store failed; not before there was one."""
    errors = [server.error for server in topology.server_descriptions().values()]
    return any(errors) and not topology.has_writable_server()


def search_time(is_search: bool) -> AbstractContextManager[None]:
    """Return the context to read a list in: a search may take this long for all its operations.

    It looks at documents until it has found enough, in as many round trips as that takes.
    """
    return pymongo.timeout(SEARCH_SECONDS if is_search else None)


class RequestDeadlineMiddleware:
    """Lets nobody wait long for a store that is known to be away, so that threads stay free.

    A page asks the store several times, again while it is told that the store is away.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with pymongo.timeout(request_seconds()):
            return self.get_response(request)
