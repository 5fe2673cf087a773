"""The audit: what is in it, what never is, and how it is found."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils.html import escape

from accounts import audit
from accounts.audit import Action, AuditEntry, actions_of, sentences
from accounts.clients import Client
from templates_app.documents import Template
from tests.accounts.callers import log_in, post, tokens_of
from tests.accounts.operators import operators_browser, text
from tests.conftest import Person
from tests.test_round_trips import Commands, explained

pytestmark = pytest.mark.store

NEW = "through-the-looking-glass"
TOKENS = ("access_token", "refresh_token")


def test_every_action_has_a_sentence() -> None:
    for action, sentence in sentences().items():
        assert re.fullmatch(r"[A-Z].+\.", sentence)
        assert AuditEntry(action=action).sentence == sentence
    assert AuditEntry(action="of_a_later_version").sentence == "of_a_later_version"


def test_the_actions_of_every_app_are_known() -> None:
    known = sentences()
    assert known["template_deleted"] == "An operator deleted a template of the account."
    page = text(operators_browser().get("/admin/accounts/auditentry"))
    for sentence in known.values():
        assert escape(sentence.removesuffix(".")) in page


def test_entries_are_filtered_by_the_action_of_another_app(alice: Person) -> None:
    audit.record(Action.REGISTERED, "alice", Client())
    audit.record(actions_of(Template.names).DELETED, "alice", Client())
    browser = operators_browser()
    page = text(browser.get("/admin/accounts/auditentry?action=template_deleted"))
    assert "1 audit entry" in page
    assert "An operator deleted a template of the account." in page


def test_an_entry_tells_who_did_what_to_whom(alice: Person) -> None:
    audit.record(
        actions_of(Template.names).CHANGED,
        "alice",
        Client("192.0.2.1", "Browser/1"),
        by="root",
        document="templates/1",
        changes={"version": [1, 2]},
        reason="asked for it",
    )
    (entry,) = AuditEntry.objects
    stored = entry.to_mongo().to_dict()
    assert {k: v for k, v in stored.items() if k not in ("_id", "at", "expires_at")} == {
        "action": "template_changed",
        "username": "alice",
        "by": "root",
        "document": "templates/1",
        "changes": {"version": [1, 2]},
        "details": {"reason": "asked for it"},
        "ip": "192.0.2.1",
        "user_agent": "Browser/1",
        "request_id": stored["request_id"],
    }


def test_nobody_knows_who_failed_to_log_in(alice: Person) -> None:
    log_in("alice", "wrong")
    log_in("nobody", "wrong")
    told = [(entry.username, entry.by) for entry in AuditEntry.objects.order_by("id")]
    assert told == [("alice", ""), ("", "")]


def test_there_is_no_password_and_no_token_in_it(alice: Person) -> None:
    tokens = tokens_of("alice", alice.password, HTTP_USER_AGENT="Phone/1")
    log_in("alice", "not-the-password")
    refreshed = post("token/refresh", {"refresh_token": tokens["refresh_token"]}).json()
    body = {"current_password": alice.password, "new_password": NEW}
    changed = post("users/me/password", body, refreshed["access_token"]).json()
    post("logout/all", {}, changed["access_token"])
    entries = str(list(AuditEntry._get_collection().find()))
    assert AuditEntry.objects.count() == 4
    given = [pair[name] for pair in (tokens, refreshed, changed) for name in TOKENS]
    salts_and_hashes = [
        part for user in (alice.user, alice.stored) for part in user.password.split("$")[-2:]
    ]
    for secret in (alice.password, "not-the-password", NEW, *given, *salts_and_hashes):
        assert secret not in entries


FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "whom": {"username": "alice"},
    "who": {"by": "alice"},
    "what": {"action": "logged_in"},
    "which": {"document": "templates/1"},
}


@pytest.mark.wire
@pytest.mark.parametrize("name", FILTERS)
def test_a_list_newest_first_reads_an_index(name: str, commands: Commands) -> None:
    by_id = {"find": "audit", "filter": {}, "sort": {"_id": 1}}
    if not FILTERS[name] and "SORT" in explained(by_id):
        pytest.skip("this server's plans do not tell: it sorts even what it reads in order")
    for n in range(200):
        audit.record(Action.LOGGED_IN, f"user-{n % 7}", Client(), document=f"templates/{n % 7}")
    commands.clear()
    list(AuditEntry.objects(**FILTERS[name]).order_by("-id").limit(20))
    (find,) = commands
    assert "COLLSCAN" not in explained({k: find[k] for k in ("find", "filter", "sort", "limit")})
