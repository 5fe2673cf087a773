"""``manage.py changepassword``"""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from accounts.audit import AuditEntry
from tests.accounts.callers import caller, log_in
from tests.accounts.terminal import pipe_in, run, type_in
from tests.conftest import Person


def test_it_asks_for_the_password(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, ["secret-1", "secret-1"])
    assert "Set the password of alice" in run("changepassword", "alice")
    assert alice.client.get("/api/v1/templates").status_code == 401
    token = log_in("alice", "secret-1").json()["access_token"]
    assert caller(token).get("/api/v1/templates").status_code == 200
    entry = AuditEntry.objects.order_by("id").first()
    assert (entry.action, entry.username) == ("password_set", "alice")
    assert entry.user_agent == "manage.py changepassword"


def test_a_temporary_one_has_to_be_changed(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, "handed-over-1\n")
    assert "must change it" in run("changepassword", "alice", "--temporary")
    token = log_in("alice", "handed-over-1").json()["access_token"]
    assert caller(token).get("/api/v1/templates").status_code == 403


def test_a_user_that_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="no user named 'nobody'"):
        run("changepassword", "nobody")


def test_two_different_passwords_are_refused(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, ["one", "two"])
    with pytest.raises(CommandError, match="two passwords"):
        run("changepassword", "alice")
    assert log_in("alice", alice.password).status_code == 200
