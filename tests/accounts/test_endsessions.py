"""``manage.py endsessions``"""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from accounts.audit import AuditEntry
from tests.accounts.callers import browser, log_in
from tests.accounts.terminal import run
from tests.conftest import Person


def test_they_are_logged_out_everywhere_and_can_log_in(alice: Person, bob: Person) -> None:
    page = browser("alice", alice.password)
    assert "Ended all sessions of alice" in run("endsessions", "alice")
    assert alice.client.get("/api/v1/templates").status_code == 401
    assert page.get("/api/v1/users/me").status_code == 401
    assert bob.client.get("/api/v1/templates").status_code == 200
    assert log_in("alice", alice.password).status_code == 200
    (entry,) = AuditEntry.objects(action="sessions_ended")
    assert (entry.username, entry.user_agent) == ("alice", "manage.py endsessions")


def test_a_user_that_is_unknown_is_refused() -> None:
    with pytest.raises(CommandError, match="no user named 'nobody'"):
        run("endsessions", "nobody")
