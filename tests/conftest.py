"""The store of the tests, and the people in them: alice owns, bob is somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.documents import Session, User
from accounts.tokens import token_pair
from templatesvc import indexes, store
from templatesvc.documents import ServiceDocument


class Person(NamedTuple):
    """Somebody who is logged in."""

    user: User
    password: str
    tokens: dict[str, Any]
    client: APIClient

    @property
    def name(self) -> str:
        return self.user.username


def log_in(name: str, password: str) -> Person:
    """Register somebody and log them in, past the routes."""
    user = User.register(name, password)
    tokens = token_pair(Session.start(user))
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}")
    return Person(user, password, tokens, client)


@pytest.fixture(scope="session", autouse=True)
def _store() -> Iterator[None]:
    for index in indexes.declared():
        index.build()
    yield
    if not store.is_in_memory(settings.MONGODB_URI):
        store.client().drop_database(store.database().name)
    store.client().close()


@pytest.fixture(autouse=True)
def _empty_store(_store: None) -> Iterator[None]:
    yield
    # Documents only: MongoEngine would not build dropped indexes again.
    for document in ServiceDocument.concrete_classes():
        document._get_collection().delete_many({})


@pytest.fixture
def client() -> APIClient:
    """Somebody who is not logged in. An error in the service is an answer of 500, as for a user."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def alice() -> Person:
    return log_in("alice", "wonderland-1")


@pytest.fixture
def bob() -> Person:
    return log_in("bob", "builder-22")
