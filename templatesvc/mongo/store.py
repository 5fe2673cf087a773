"""Where the data live: the setting ``MONGODB_URI``, and the PyMongo client that is made of it.

Nothing connects at import. MongoEngine calls ``make_client`` at the first query of a process,
which is after gunicorn has forked: a client must not cross a fork.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import mongoengine
from bson.codec_options import CodecOptions, DatetimeConversion
from django.conf import settings
from mongoengine.connection import get_connection, get_db
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.topology_description import TopologyDescription
from pymongo.uri_parser import parse_uri

from templatesvc.mongo import embedded
from templatesvc.mongo.pool import UntimedConnectPool

# Options for a URI that does not set them. timeoutMS bounds a whole operation, retries and the
# selection of a server included, so that a store which is away is noticed within two seconds:
# while PyMongo waits for a server, it looks at the clock only each half second.
CLIENT_DEFAULTS: dict[str, Any] = {
    "timeoutMS": 1300,
    "serverSelectionTimeoutMS": 1300,
    "connectTimeoutMS": 1000,
    # A member that hangs closes no connection: a monitor sees it after this and connectTimeoutMS.
    "heartbeatFrequencyMS": 1000,
    # How many connections are made at a time, so that a burst of requests need not queue.
    "maxConnecting": 16,
    "w": "majority",
    "appname": "templatesvc",
}
# For commands: nobody else waits behind one, and its user prefers a late answer to a refusal.
LONGER_TIMEOUTS = {
    "timeoutMS": 15_000,
    "serverSelectionTimeoutMS": 15_000,
    "connectTimeoutMS": 10_000,
}
# Timeouts of the driver that timeoutMS would overrule.
SINGLE_TIMEOUTS = {"sockettimeoutms", "serverselectiontimeoutms"}
# Reading must not fail at a time beyond Python's calendar, which another program may store.
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
DISCOVERY_SECONDS = 5

_client: MongoClient[dict[str, Any]] | None = None
_defaults = ContextVar("_defaults", default=CLIENT_DEFAULTS)


def is_server(uri: str) -> bool:
    return uri.startswith(("mongodb://", "mongodb+srv://"))


def is_embedded(uri: str) -> bool:
    return not uri


def is_in_memory(uri: str) -> bool:
    return uri.startswith("mongomock://")


def database_name(uri: str, default: str) -> str:
    """Return the database that the URI's path names, or the default."""
    return unquote(_split(uri).database) or default


def given_options(uri: str) -> dict[str, str]:
    """Return the options of the URI; their names are in lower case, as MongoDB ignores case."""
    given = parse_qsl(_split(uri).options, keep_blank_values=True)
    return {name.lower(): value for name, value in given}


def client_options(uri: str) -> dict[str, Any]:
    """Return the options to add to those of the URI, which take precedence."""
    given = given_options(uri).keys()
    added = dict(_defaults.get())
    if given & SINGLE_TIMEOUTS:
        added["socketTimeoutMS"] = added.pop("timeoutMS")
    return {name: value for name, value in added.items() if name.lower() not in given}


def check(uri: str) -> None:
    """Raise ValueError if PyMongo would not take a ``mongodb`` URI; the text may quote from it.

    Raises OSError if the URI names a file, such as a certificate, that can't be read.
    """
    # Without +srv and its options, for which PyMongo would query the DNS.
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


@contextmanager
def longer_timeouts() -> Iterator[None]:
    """Give a client that is made in the block more time for its operations."""
    before = _defaults.set(CLIENT_DEFAULTS | LONGER_TIMEOUTS)
    try:
        yield
    finally:
        _defaults.reset(before)


def make_client(**_: Any) -> MongoClient[dict[str, Any]]:
    """Connect, and keep the client as that of this process.

    MongoEngine's arguments are ignored: it takes the URI apart and drops the options that it does
    not know. PyMongo gets the whole URI.
    """
    global _client
    client = connect()
    _client = None if is_in_memory(settings.MONGODB_URI) else client
    if _client is not None:
        _await_discovery(_client)
    return client


def _await_discovery(client: MongoClient[dict[str, Any]]) -> None:
    """Wait until the primary was found or a server failed.

    Finding a far server takes as long as an operation may take: the first ones would fail.
    """
    end = time.monotonic() + DISCOVERY_SECONDS
    while time.monotonic() < end:
        topology = client.topology_description
        is_failed = any(server.error for server in topology.server_descriptions().values())
        if is_failed or topology.has_writable_server():
            return
        time.sleep(0.01)


def connect() -> MongoClient[dict[str, Any]]:
    """Return a new client of the store that the settings name."""
    uri = settings.MONGODB_URI
    if is_in_memory(uri):
        import mongomock

        return mongomock.MongoClient(tz_aware=True)
    if is_embedded(uri):
        uri = embedded.acquire(settings.EMBEDDED_STORE)
    options = client_options(uri) | {
        "tz_aware": CODEC.tz_aware,
        "datetime_conversion": DatetimeConversion.DATETIME_AUTO.name,
        "_pool_class": UntimedConnectPool,
    }
    return MongoClient(uri, **options)


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


def running_client() -> MongoClient[dict[str, Any]] | None:
    """Return this process's client; None before the first query, and in memory."""
    return _client


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
    # After the last @: what stands before it may be a password that nobody quoted.
    public = f"{scheme}://{rest.rpartition('@')[2]}"
    name = database_name(public, settings.MONGODB_DATABASE)
    return f"MongoDB, {scheme}://{_split(public).hosts}/{name}"


def is_away(topology: TopologyDescription) -> bool:
    """Tell whether a primary was looked for and there is none, as during an election."""
    servers = topology.server_descriptions().values()
    was_looked_for = any(server.error or server.is_server_type_known for server in servers)
    return was_looked_for and not topology.has_writable_server()
