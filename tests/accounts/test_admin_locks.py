"""Whom too many log-ins have locked: operators see it, and can let them in again."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.audit import AuditEntry
from accounts.documents import User
from accounts.operators import Role
from templatesvc.rates import Rate
from tests.accounts.callers import log_in
from tests.accounts.operators import messages, operators_browser, page_of, text
from tests.conftest import Person

pytestmark = pytest.mark.store


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


@pytest.fixture
def locked(alice: Person) -> User:
    while log_in("alice", "wrong").status_code != 429:
        pass
    assert log_in("alice", alice.password).status_code == 429
    return alice.user


def test_a_page_says_since_when_and_until_when_it_is_locked(root: Client, locked: User) -> None:
    entry = AuditEntry.objects(action="locked_out").first()
    page = text(root.get(page_of(locked)))
    assert f"Log-ins locked (UTC): since {entry.at:%Y-%m-%d %H:%M}, until 20" in page
    assert "Unlock" in page


def test_who_is_unlocked_logs_in_and_the_audit_says_so(
    root: Client, locked: User, alice: Person
) -> None:
    assert "The user can log in again at once" in text(root.get(page_of(locked, "unlock")))
    root.post(page_of(locked, "unlock"), {"post": "yes"})
    assert messages(root) == "“alice” was unlocked."
    assert log_in("alice", alice.password).status_code == 200
    (entry,) = AuditEntry.objects(action="user_unlocked")
    assert (entry.by, entry.username) == ("root", "alice")


def test_a_password_that_an_operator_sets_is_not_refused_for_earlier_ones(
    root: Client, locked: User
) -> None:
    root.post(page_of(locked, "set_password"), {"post": "yes", "password": "from-root-1"})
    assert log_in("alice", "from-root-1").status_code == 200


def test_too_many_right_passwords_lock_as_well(
    root: Client, alice: Person, settings: Settings
) -> None:
    settings.SUCCESSFUL_LOGIN_LIMIT = Rate.parse("2/1d")
    while log_in("alice", alice.password).status_code == 200:
        pass
    assert "Log-ins locked (UTC): since 20" in text(root.get(page_of(alice.user)))
    root.post(page_of(alice.user, "unlock"), {"post": "yes"})
    assert log_in("alice", alice.password).status_code == 200


def test_who_is_not_locked_is_not_offered_to_be_unlocked(root: Client, alice: Person) -> None:
    log_in("alice", "wrong")
    page = text(root.get(page_of(alice.user)))
    assert "Log-ins locked (UTC): no" in page
    assert "Unlock" not in page
    answer = root.post(page_of(alice.user, "unlock"), {"post": "yes"})
    assert "is not possible" in text(answer)
    assert not AuditEntry.objects(action="user_unlocked")


def test_a_viewer_sees_a_lock_and_can_not_open_it(locked: User) -> None:
    viewer = operators_browser("viewer", Role.VIEWER)
    assert "Log-ins locked (UTC): since" in text(viewer.get(page_of(locked)))
    assert viewer.post(page_of(locked, "unlock"), {"post": "yes"}).status_code == 403
