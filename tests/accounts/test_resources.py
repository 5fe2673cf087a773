"""What operators do to the documents of users, whatever the resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.exceptions import NotFound, PermissionDenied

from accounts.admin import dashboard
from accounts.audit import AuditEntry, sentences
from accounts.clients import Client
from accounts.documents import User
from accounts.operations import Actor
from accounts.operators import Role
from accounts.resources import ResourceAdmin
from tests.accounts.operators import operator, operators_browser, page_of, text
from tests.accounts.rights import may
from tests.conftest import Person
from tests.resources import RESOURCES, keep, keep_deleted, path_of

pytestmark = pytest.mark.store

each_resource = pytest.mark.parametrize("admin", RESOURCES, ids=path_of)
each_owned = pytest.mark.parametrize("admin", [a for a in RESOURCES if a.is_owned], ids=path_of)


def actor(role: Role | None = Role.SUPERUSER) -> Actor:
    user = operator("somebody", role)
    return Actor(user.username, Client(), user)


def other_values(admin: ResourceAdmin, owner: str) -> dict[str, Any]:
    """Return values that no document has."""
    document = keep(admin, owner, "Other")
    admin.document.objects(id=document.id).delete()
    return document.own_values


@each_resource
@pytest.mark.parametrize("role", [None, *Role])
def test_only_who_may_changes_deletes_and_restores(
    admin: ResourceAdmin, role: Role | None, alice: Person
) -> None:
    by, operations, slug = actor(role), admin.operations, admin.document.names.slug
    document = keep(admin, alice.name, "First")
    version = keep_deleted(admin, alice.name, "Second")
    values = other_values(admin, alice.name)
    acts: dict[str, Callable[[], Any]] = {
        "change": lambda: operations.change(by, document, values, "asked for"),
        "delete": lambda: operations.delete(by, document, "asked for"),
        "restore": lambda: operations.restore(by, version, "asked for"),
    }
    for name, act in acts.items():
        if may(role, f"{name} a document"):
            assert act() is not False
        else:
            with pytest.raises(PermissionDenied):
                act()
    may_all = role in (Role.STAFF, Role.SUPERUSER)
    told = [(e.action, e.by, e.details["reason"]) for e in AuditEntry.objects.order_by("id")]
    done = [f"{slug}_{verb}" for verb in ("changed", "deleted", "restored")]
    assert told == ([(action, "somebody", "asked for") for action in done] if may_all else [])
    assert set(done) <= sentences().keys()


@each_resource
def test_a_state_that_is_gone_is_not_changed(admin: ResourceAdmin, alice: Person) -> None:
    by, seen = actor(), keep(admin, alice.name, "First")
    values = other_values(admin, alice.name)
    assert admin.operations.change(by, seen, values, "asked for")
    assert not admin.operations.change(by, seen, values, "asked for")
    admin.operations.delete(by, seen, "asked for")
    with pytest.raises(NotFound):
        admin.operations.delete(by, seen, "asked for")
    name = admin.operations.name_of(seen.id)
    assert name == f"{admin.document.names.slugs}/{seen.id}"
    assert AuditEntry.objects(document=name).count() == 2


@each_owned
def test_nothing_is_restored_for_who_is_gone(admin: ResourceAdmin) -> None:
    version = keep_deleted(admin, "nobody", "First")
    with pytest.raises(NotFound):
        admin.operations.restore(actor(), version, "asked for")


@each_owned
def test_the_site_finds_a_resource_by_itself(admin: ResourceAdmin, alice: Person) -> None:
    assert admin.document in dashboard.counted()
    assert admin.document.Version not in dashboard.counted()
    browser = operators_browser()
    page = browser.get(page_of(User.named(alice.name)))
    assert f'"/admin/{path_of(admin)}?owner=alice"' in page.content.decode()
    keep(admin, alice.name, "First")
    listed = text(browser.get(f"/admin/{path_of(admin)}?owner=alice"))
    assert f"1 {admin.document.names.singular}" in listed
    assert f"0 {admin.document.names.plural}" in text(
        browser.get(f"/admin/{path_of(admin)}?owner=bob")
    )
