"""The store of the tests, and the people in them: alice owns, bob is somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings
from pymongo import MongoClient, monitoring
from pymongo.database import Database
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.documents import Session, User
from accounts.tokens import token_pair
from templatesvc import settings as service_settings
from templatesvc.mongo import indexes, store
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.resources import ResourceDocument
from templatesvc.ops.health import USABLE_SECONDS, IndexesMiddleware, ReadyzView
from tests.processes import wait_for

pytest_plugins = ["tests.left_out"]


class Person(NamedTuple):
    """Somebody who is logged in."""

    user: User
    password: str
    tokens: dict[str, Any]
    client: APIClient

    @property
    def name(self) -> str:
        return self.user.username

    @property
    def stored(self) -> User:
        """The user as the next request finds them."""
        user = User.named(self.name)
        assert user
        return user


def log_in(name: str, password: str) -> Person:
    """Register somebody and log them in, past the routes."""
    user = User.register(name, password)
    tokens = token_pair(Session.start(user))
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}")
    return Person(user, password, tokens, client)


def heir_of(erased: Person) -> Person:
    """Return somebody else who has the name of an erased person, once its time is over."""
    User.tombstones().filter(id=erased.user.id).delete()
    return log_in(erased.name, "another-than-before-1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end no process is left alone with it.

    Skip what means a MongoDB server where there is none: in memory it would prove nothing.
    """
    items.sort(key=lambda item: not any(map(item.get_closest_marker, ("browser", "wire"))))
    if store.is_in_memory(settings.MONGODB_URI):
        skip = pytest.mark.skip(reason="needs a server: give its URI in TESTS_STORE")
        for item in items:
            if item.get_closest_marker("wire") or item.get_closest_marker("browser"):
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def _store() -> Iterator[None]:
    for index in indexes.declared():
        index.build()
    yield
    if not store.is_in_memory(settings.MONGODB_URI):
        with suppress(ConnectionFailure):  # the run ended for it: what it says is not to be hidden
            store.client().drop_database(store.database().name)
    store.client().close()


@pytest.fixture(autouse=True)
def _empty_store(_store: None, request: pytest.FixtureRequest) -> Iterator[None]:
    ReadyzView.usable_at = -USABLE_SECONDS  # a process remembers that the store was usable
    IndexesMiddleware.were_found = True  # what a process asks before its first answer
    _LISTENER.reading_all.clear()
    yield
    reading_all = [*_LISTENER.reading_all]
    try:
        empty_store()
    except ConnectionFailure as error:
        try:
            wait_for(answers, "the store of the tests answers again")
        except pytest.fail.Exception as failure:
            # Each further test would wait for it and fail: hours of errors that say nothing.
            request.session.shouldstop = f"{failure}: {error}"
        raise
    assert reading_all == [], "see templatesvc.mongo.keysets.either"


def answers() -> bool:
    """Tell whether the store answers."""
    with suppress(PyMongoError):
        store.client().admin.command("ping")
        return True
    return False


def empty_store() -> None:
    """Delete all documents."""
    # Documents only: MongoEngine would not build dropped indexes again.
    for document in ServiceDocument.concrete_classes():
        document._get_collection().delete_many({})
    if not store.is_in_memory(settings.MONGODB_URI):
        renew_unique_indexes()


@cache
def keeps_lost_values() -> bool:
    """Tell whether a value stays in a unique index when an update takes it from a document.

    It does in one MongoDB-compatible server, where the next test could not use the value again.
    """
    values = store.database()["values"]
    values.create_index("value", unique=True)
    values.insert_one({"value": 1})
    values.update_one({"value": 1}, {"$set": {"value": 2}})
    try:
        values.insert_one({"value": 1})
    except DuplicateKeyError:
        return True
    finally:
        values.drop()
    return False


def renew_unique_indexes() -> None:
    """Build them anew where they may keep lost values, or where a test has dropped one."""
    for index in indexes.declared():
        if not issubclass(index.document, ResourceDocument) or not index.options.get("unique"):
            continue
        if keeps_lost_values():
            with suppress(OperationFailure):  # a test has dropped it
                index.document._get_collection().drop_index(index.keys)
        index.build()


@pytest.fixture
def real_hashers(settings: Settings) -> None:
    """Hash as the service does; see the settings of the tests."""
    settings.PASSWORD_HASHERS = service_settings.PASSWORD_HASHERS


@pytest.fixture
def client() -> APIClient:
    """Somebody who is not logged in. An error in the service is an answer of 500, as for a user."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def _still_clock() -> Iterator[None]:
    """The clock stands still until a test sets it: what comes before may take its time."""
    with time_machine.travel(now(), tick=False):
        yield


@pytest.fixture
def alice() -> Person:
    return log_in("alice", "wonderland-1")


@pytest.fixture
def bob() -> Person:
    return log_in("bob", "builder-22")


@contextmanager
def a_database(name: str) -> Iterator[Database[dict[str, Any]]]:
    """An empty database beside that of the tests, on the same server."""
    full_name = f"{store.database().name}_{name}"
    with MongoClient[dict[str, Any]](settings.MONGODB_URI, tz_aware=True) as client:
        client.drop_database(full_name)
        yield client[full_name]
        client.drop_database(full_name)


@pytest.fixture
def flask_database() -> Iterator[Database[dict[str, Any]]]:
    """A database as the Flask service finds it: empty, and without indexes."""
    with a_database("flask") as database:
        yield database


def uri_of(database: Database[dict[str, Any]]) -> str:
    """Return the URI of a database on the server of the tests."""
    return urlsplit(settings.MONGODB_URI)._replace(path=f"/{database.name}").geturl()


class Act(NamedTuple):
    """What somebody else does beside a command to a collection."""

    when: str
    command: str
    collection: str
    do: Callable[[], object]


class Listener(monitoring.CommandListener):
    """What the store is sent: PyMongo calls this before and after each command."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.reading_all: list[dict[str, Any]] = []
        self.acts: list[Act] = []
        self.collections: dict[int, str] = {}

    def act(self, when: str, event: Any) -> None:
        collection = self.collections.get(event.request_id, "")
        for act in self.acts:
            if act[:3] == (when, event.command_name, collection):
                self.acts.remove(act)  # first, because what it does is told here too
                act.do()
                return

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if not event.command:
            return  # PyMongo tells nothing of a command that holds a secret
        if self.acts:
            self.collections[event.request_id] = str(event.command[event.command_name])
            self.act("before", event)
        # Without what names the connection and the transaction: it is not the service's.
        session = ("lsid", "$clusterTime", "txnNumber", "$readPreference")
        self.sent.append({name: v for name, v in event.command.items() if name not in session})
        self.reading_all += filter(reads_all, queries(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if self.acts:
            self.act("after", event)

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def queries(command: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what each part of a command asks for; of an insert, what it stores."""
    name = next(iter(command))
    if name == "insert":
        yield from command["documents"]
    elif name in ("update", "delete"):
        yield from (part["q"] for part in command[f"{name}s"])
    elif name == "aggregate":
        yield command["pipeline"][0].get("$match", {})
    else:
        yield command.get("filter" if name == "find" else "query", {})


def reads_all(query: Mapping[str, Any]) -> bool:
    """Tell whether some servers read all of a collection, whatever else the query says."""
    return len(query) > 1 and bool({"$or", "$nor", "$expr"} & query.keys())


_LISTENER = Listener()
# Here, because it reaches only clients that are made later. (mongomock's sends no commands.)
monitoring.register(_LISTENER)


@pytest.fixture
def commands() -> list[dict[str, Any]]:
    """The commands that the store has been sent since the test began; clear it to begin anew."""
    _LISTENER.sent.clear()
    return _LISTENER.sent


@pytest.fixture
def meanwhile() -> Iterator[Callable[[str, str, str, Callable[[], object]], None]]:
    """Let somebody act once before or after the next such command, as another process might."""
    yield lambda *act: _LISTENER.acts.append(Act(*act))
    _LISTENER.acts.clear()
    _LISTENER.collections.clear()
