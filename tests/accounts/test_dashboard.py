"""The first page of the operators' site: what there is, and what happens."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.http import HttpRequest

from accounts import audit
from accounts.admin import dashboard
from accounts.audit import Action, AuditEntry
from accounts.clients import Client
from accounts.documents import User
from accounts.operators import Role
from templatesvc.mongo import indexes
from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import new_id
from tests.accounts.operators import browser_of, operator, page_of
from tests.conftest import Person

pytestmark = pytest.mark.store

NOWHERE = Client()
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _viewer() -> Iterator[None]:
    dashboard._estimates.cache_clear()
    with time_machine.travel(now().replace(hour=12)):  # so that today does not end in a test
        operator("root", Role.VIEWER)
        yield


def page(path: str = "/admin/") -> str:
    root = User.named("root")
    assert root is not None
    answer = browser_of(root).get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def happened(action: Action, days_ago: int, times: int) -> None:
    moment = now() - timedelta(days=days_ago)
    for _ in range(times):
        AuditEntry(id=new_id(moment), at=moment, action=action.value, expires_at=now() + DAY).save(
            force_insert=True
        )


def test_what_happened_is_drawn_day_by_day() -> None:
    happened(Action.REGISTERED, 29, 1)
    happened(Action.REGISTERED, 3, 4)
    happened(Action.REGISTERED, 40, 7)  # too long ago
    shown = page()
    assert "Registrations</a>: 5<" in shown
    days = re.search(r'aria-label="Registrations on each of the last 30 days: ([\d, ]+)"', shown)
    assert days is not None
    counts = [int(count) for count in days[1].split(", ")]
    assert len(counts) == 30
    assert (counts[0], counts[-4], sum(counts)) == (1, 4, 5)


def test_failed_logins_of_today_are_told(alice: Person) -> None:
    happened(Action.LOGIN_FAILED, 1, 2)
    assert "0 failed log-ins today</a>" in page()
    happened(Action.LOGIN_FAILED, 0, 1)
    chart = dashboard.dashboard(HttpRequest())
    assert (chart["failed_today"], chart["charts"][2].total) == (1, 3)


def test_only_so_many_entries_are_counted_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened(Action.LOGGED_IN, 2, 5)
    assert "newest" not in page().split("Latest audit entries")[0]
    monkeypatch.setattr(dashboard, "MAX_ENTRIES", 3)
    assert "Only the newest 3 entries of the audit are counted here." in page()


def test_how_much_there_is_is_called_an_estimate(alice: Person, bob: Person) -> None:
    shown = page()
    assert "Estimates, not exact counts." in shown
    assert re.search(r"Users</a>: about [23]</li>", shown)
    assert "Templates</a>: about 0</li>" in shown


def test_the_newest_entries_are_there_and_what_people_sent_is_text(alice: Person) -> None:
    audit.record(Action.PASSWORD_CHANGED, "<script>alert(1)</script>", NOWHERE)
    shown = page()
    assert Action.PASSWORD_CHANGED.label in shown
    assert "<script>alert(1)" not in shown


def test_each_number_and_each_entry_leads_to_what_it_is_about(alice: Person) -> None:
    audit.record(Action.LOGIN_FAILED, "alice", NOWHERE, by="")
    shown = html.unescape(page())
    for url in (
        "/admin/accounts/auditentry?action=registered&at=30d",
        "/admin/accounts/auditentry?action=login_failed&at=today",
        "/admin/accounts/user/named?username=alice",
        "/admin/templates_app/template",
        page_of(AuditEntry.objects.first()),
    ):
        assert f'href="{url}"' in shown


def test_the_health_says_that_all_is_well() -> None:
    assert f"all {len(list(indexes.declared()))} exist" in page("/admin/health")


@pytest.mark.wire
def test_a_missing_index_is_told_with_what_to_do() -> None:
    index = next(index for index in indexes.declared() if index.document is AuditEntry)
    index.drop()
    try:
        shown = page("/admin/health")
    finally:
        index.build()
    assert f"{index} is missing" in shown
    assert "ensureindexes" in shown


def test_what_is_only_looked_at_is_called_so() -> None:
    superuser = browser_of(operator("ada", Role.SUPERUSER)).get("/admin/").content.decode()
    audit_row = superuser.split('<tr class="model-auditentry')[-1].split("</tr>")[0]
    assert ">View<" in audit_row
    assert ">Change<" not in audit_row
