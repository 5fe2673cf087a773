"""``manage.py deactivateuser``"""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from accounts.audit import AuditEntry
from accounts.operators import Role
from tests.accounts.callers import log_in
from tests.accounts.terminal import run
from tests.conftest import Person


def test_they_are_out_at_once_and_let_in_again(alice: Person) -> None:
    assert "Deactivated alice" in run("deactivateuser", "alice")
    assert alice.client.get("/api/v1/templates").status_code == 401
    assert log_in("alice", alice.password).status_code == 401
    assert "Reactivated alice" in run("deactivateuser", "alice", "--undo")
    assert log_in("alice", alice.password).status_code == 200
    told = [entry.action for entry in AuditEntry.objects.order_by("id") if "(shell)" in entry.by]
    assert told == ["user_deactivated", "user_reactivated"]


def test_a_repeated_change_is_reported_and_not_audited(alice: Person) -> None:
    assert run("deactivateuser", "alice", "--undo") == "alice is active already.\n"
    assert not AuditEntry.objects
    run("deactivateuser", "alice")
    assert run("deactivateuser", "alice") == "alice is deactivated already.\n"
    assert [entry.action for entry in AuditEntry.objects] == ["user_deactivated"]


def test_the_last_superuser_stays(alice: Person) -> None:
    alice.user.appoint(Role.SUPERUSER)
    with pytest.raises(CommandError, match="This is the last superuser"):
        run("deactivateuser", "alice")
    assert alice.client.get("/api/v1/templates").status_code == 200


def test_a_user_that_is_unknown_is_refused() -> None:
    with pytest.raises(CommandError, match="no user named 'nobody'"):
        run("deactivateuser", "nobody")
