"""Passwords while the Flask service runs on the same users, told without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import override_settings

from accounts.documents import User
from tests.accounts.flask.people import register_at_flask, sha256
from tests.conftest import Person

pytestmark = pytest.mark.store

# What was made by another than this service: it would take four gigabytes to check.
HEAVY = "argon2$argon2id$v=19$m=4194304,t=99,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"


def stored(name: str) -> dict[str, Any]:
    return User._get_collection().find_one({"username": name}) or {}


@pytest.fixture(name="side_by_side")
def _side_by_side() -> Iterator[None]:
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        yield


@pytest.mark.usefixtures("side_by_side")
def test_a_registration_stores_the_hash_that_each_service_checks() -> None:
    User.register("ann", "one")
    assert stored("ann")["password"] == sha256("one")
    assert stored("ann")["strong_password"].startswith("argon2$")


@pytest.mark.usefixtures("side_by_side")
def test_a_login_puts_a_strong_hash_beside_the_weak_one() -> None:
    register_at_flask("ann", "one")
    assert authenticate(None, username="ann", password="one")
    assert stored("ann")["password"] == sha256("one")
    assert stored("ann")["strong_password"].startswith("argon2$")


@pytest.mark.usefixtures("side_by_side")
def test_the_strong_hash_is_the_one_that_is_checked() -> None:
    ann = User.register("ann", "one")
    assert ann.encoded_password == ann.strong_password


def test_a_login_gives_the_flask_service_the_hash_that_it_lacks(alice: Person) -> None:
    assert stored("alice")["password"].startswith("argon2$")
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        assert authenticate(None, username="alice", password=alice.password)
    assert stored("alice")["password"] == sha256(alice.password)


@pytest.mark.usefixtures("side_by_side")
def test_a_password_changed_here_holds_on_both() -> None:
    assert User.register("ann", "one").change_password("two")
    assert stored("ann")["password"] == sha256("two")
    assert authenticate(None, username="ann", password="one") is None
    assert authenticate(None, username="ann", password="two")


@pytest.mark.usefixtures("side_by_side")
def test_a_password_changed_on_the_other_side_holds_here() -> None:
    User.register("ann", "one")
    User.objects(username="ann").update_one(set__password=sha256("two"))
    assert authenticate(None, username="ann", password="one") is None
    assert authenticate(None, username="ann", password="two")
    assert stored("ann")["strong_password"].startswith("argon2$")
    assert User.objects.get(username="ann").strong_hash


def test_a_login_afterwards_drops_the_weak_hash() -> None:
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        User.register("ann", "one")
    assert authenticate(None, username="ann", password="one")
    assert stored("ann")["password"].startswith("argon2$")
    assert stored("ann")["strong_password"] is stored("ann")["strong_password_seal"] is None


@pytest.mark.parametrize("sealed", [None, "", 7, sha256("one")])
def test_a_strong_hash_that_a_registration_brought_along_is_not_checked(sealed: Any) -> None:
    register_at_flask("eve", "one", strong_password=HEAVY, strong_password_seal=sealed)
    assert authenticate(None, username="eve", password="two") is None
    assert authenticate(None, username="eve", password="one")


def test_a_seal_is_of_no_use_to_another() -> None:
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        User.register("ann", "one")
    brought = {name: stored("ann")[name] for name in ("strong_password", "strong_password_seal")}
    register_at_flask("eve", "two", **brought)
    assert authenticate(None, username="eve", password="one") is None
    assert authenticate(None, username="eve", password="two")


def test_a_name_in_a_list_is_nobodys_name(alice: Person) -> None:
    register_at_flask(["bob", "carol"], "mallory-1", _id=0)
    assert User.named("bob") is None
    assert authenticate(None, username="bob", password="mallory-1") is None
    found = User.named("alice")
    assert found and found.id == alice.user.id
