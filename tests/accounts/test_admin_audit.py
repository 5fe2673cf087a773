"""The list of the audit: by hours, by a part of a name, by the id of a document."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import audit
from accounts.audit import Action, AuditEntry
from accounts.clients import Client as Address
from templates_app.documents import Template
from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import new_id
from tests.accounts.operators import operators_browser, page_of, text
from tests.conftest import Person

pytestmark = pytest.mark.store

AUDIT = "/admin/accounts/auditentry"


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


def happened(username: str, ago: timedelta, by: str = "") -> None:
    moment = now() - ago
    AuditEntry(
        id=new_id(moment),
        at=moment,
        action=Action.LOGGED_IN.value,
        username=username,
        by=by or username,
        expires_at=moment + timedelta(days=1000),
    ).insert()


def whom(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return [entry.username for entry in answer.context["cl"].results]


def typed(ago: timedelta) -> str:
    """Return a moment as the box of a browser holds it."""
    return f"{now() - ago:%Y-%m-%dT%H:%M}"


@pytest.fixture
def _days() -> None:
    for hours in (0, 5, 30, 24 * 10):
        happened(f"{hours}h", timedelta(hours=hours))


@pytest.mark.usefixtures("_days")
@pytest.mark.parametrize(
    ("span", "found"),
    [("1h", ["0h"]), ("24h", ["0h", "5h"]), ("7d", ["0h", "5h", "30h"]), ("x", 4), ("", 4)],
)
def test_entries_of_late(root: Client, span: str, found: Any) -> None:
    seen = whom(root.get(AUDIT, {"at": span, "action": "logged_in"}))
    assert (len(seen) if isinstance(found, int) else seen) == found


@pytest.mark.usefixtures("_days")
def test_entries_from_one_moment_to_another(root: Client) -> None:
    first, last = typed(timedelta(hours=31)), typed(timedelta(hours=4))
    assert whom(root.get(AUDIT, {"at_from": first, "at_to": last})) == ["5h", "30h"]
    assert whom(root.get(AUDIT, {"at_to": last})) == ["5h", "30h", "240h"]
    assert whom(root.get(AUDIT, {"at_from": first, "at": "24h"})) == ["0h", "5h"]
    page = root.get(AUDIT, {"at_from": first, "at_to": last}).content.decode()
    assert f'value="{first}"' in page
    assert "at_from" not in page.partition("Past hour")[0].rpartition("<a ")[2]


@pytest.mark.usefixtures("_days")
def test_the_last_minute_is_among_them(root: Client) -> None:
    assert "0h" in whom(root.get(AUDIT, {"at_to": typed(timedelta(0))}))


@pytest.mark.parametrize("text", ["noon", "0001-01-01T00:00", "9999-12-31T23:59", "2026-13-01"])
@pytest.mark.parametrize("end", ["from", "to"])
def test_a_moment_that_is_none_or_far_away_is_no_harm(root: Client, text: str, end: str) -> None:
    assert root.get(AUDIT, {f"at_{end}": text}).status_code == 200


def test_a_part_of_a_name_finds_what_its_user_did_and_what_was_done_to_them(root: Client) -> None:
    happened("alice", timedelta(hours=1))
    happened("bob", timedelta(hours=2), by="ALICE-2")
    happened("carol", timedelta(hours=3))
    assert whom(root.get(AUDIT, {"q": "lic"})) == ["alice", "bob"]


def test_the_id_of_a_document_finds_its_entries(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    root.post(page_of(template, "delete"), {"post": "yes", "reason": "spam"})
    audit.record(Action.LOGGED_IN, "alice", Address())
    for value in (str(template.id), f"templates/{template.id}"):
        assert whom(root.get(AUDIT, {"document": value})) == ["alice"]
    assert whom(root.get(AUDIT, {"document": "templates/"})) == []


def test_the_address_and_the_request_are_in_view(root: Client, alice: Person) -> None:
    root.post(page_of(alice.user, "deactivate"), {"post": "yes"}, REMOTE_ADDR="192.0.2.7")
    entry = AuditEntry.objects(action="user_deactivated").first()
    assert f"192.0.2.7 {entry.request_id}" in text(root.get(AUDIT))
    assert "192.0.2.7" in text(root.get(page_of(alice.user, "history")))


def test_there_is_no_button_for_a_history_where_there_is_none(root: Client, alice: Person) -> None:
    audit.record(Action.LOGGED_IN, "alice", Address())
    assert "History" not in text(root.get(page_of(AuditEntry.objects.first())))
    assert "History" in text(root.get(page_of(alice.user)))
