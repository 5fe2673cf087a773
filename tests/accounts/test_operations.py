"""What operators do to others: who may, what becomes of it, and what the audit tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError

from accounts import operations
from accounts.audit import AuditEntry
from accounts.clients import Client
from accounts.documents import Session, User
from accounts.exceptions import UsernameTaken
from accounts.operations import Actor
from accounts.operators import Role
from templates_app.documents import Template
from templatesvc.api.exceptions import Conflict
from templatesvc.api.idempotent_requests import IdempotentRequest
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.quota import Usage
from tests.accounts.callers import after, erase, log_in
from tests.accounts.rights import TO_WHOM, may
from tests.conftest import Person, heir_of
from tests.conftest import log_in as register
from tests.left_out import mostly_long
from tests.resources import RESOURCES

pytestmark = pytest.mark.store

Operation = Callable[[Actor, User], Any]

OPERATIONS: dict[str, Operation] = {
    "create": lambda by, user: operations.create_user(by, "carol", "carols-own"),
    "deactivate": operations.deactivate,
    "reactivate": operations.reactivate,
    "end sessions": operations.end_sessions,
    "end a session": lambda by, user: operations.end_session(by, user, Session.of(user)[0].id),
    "set a password": lambda by, user: operations.set_password(by, user, "handed-over-1"),
    "unlock": operations.unlock,
    "force a change": operations.force_password_change,
    "appoint": lambda by, user: operations.appoint(by, user, Role.VIEWER),
    "dismiss": lambda by, user: operations.appoint(by, user, None),
    "erase": operations.erase,
    "change a quota": lambda by, user: operations.limit(by, user, {"documents": 1}),
    "export": lambda by, user: b"".join(operations.export(by, user)),
}
NEEDS_NAME = ("appoint", "dismiss", "change a quota")
MAY_CHANGE_NOTHING = ("appoint", "dismiss", "reactivate", "unlock", "change a quota")


@pytest.fixture
def root() -> Person:
    person = register("root", "root-of-all")
    person.user.appoint(Role.SUPERUSER)
    return person


def actor(person: Person) -> Actor:
    return Actor(person.name, Client("192.0.2.7", "Browser/1"), person.stored)


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("name", OPERATIONS)
def test_who_may_do_what_to_whom(
    name: str, role: Role | None, root: Person, alice: Person, bob: Person
) -> None:
    alice.user.appoint(role)
    for whose in TO_WHOM:
        bob.user.appoint(whose)
        if not may(role, name, whose):
            with pytest.raises(PermissionDenied):
                OPERATIONS[name](actor(alice), bob.stored)
            assert not AuditEntry.objects(by="alice")
            continue
        OPERATIONS[name](actor(alice), bob.stored)
        assert AuditEntry.objects(by="alice").first() or name in MAY_CHANGE_NOTHING
        AuditEntry.objects.delete()
        User.objects(username__in=["bob", "carol"]).delete()
        bob = register("bob", "builder-22")


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_shell_may_do_everything_and_the_audit_says_who_it_was(
    name: str, alice: Person
) -> None:
    OPERATIONS[name](Actor.at_shell("test"), alice.user)
    for entry in AuditEntry.objects:
        assert entry.by.endswith(" (shell)")
        assert (entry.ip, entry.user_agent) == ("", "manage.py test")
    assert AuditEntry.objects.count() == (name not in ("dismiss", "reactivate", "unlock"))


def test_who_is_deactivated_is_out_and_comes_back(root: Person, bob: Person) -> None:
    operations.deactivate(actor(root), bob.user)
    assert bob.client.get("/api/v1/templates").status_code == 401
    assert log_in("bob", bob.password).status_code == 401
    operations.reactivate(actor(root), bob.user)
    assert log_in("bob", bob.password).status_code == 200
    out, back = AuditEntry.objects(by="root").order_by("id")
    assert (out.action, out.username, out.ip) == ("user_deactivated", "bob", "192.0.2.7")
    assert out.changes == {"is_active": [True, False]}
    assert (back.action, back.changes) == ("user_reactivated", {"is_active": [False, True]})


def test_of_two_who_do_the_same_one_is_told_to_have_done_it(root: Person, bob: Person) -> None:
    by, first, second = actor(root), bob.stored, bob.stored
    assert operations.deactivate(by, first)
    assert not operations.deactivate(by, second)
    assert not bob.stored.is_active
    first, second = bob.stored, bob.stored
    assert operations.reactivate(by, first)
    assert not operations.reactivate(by, second)
    assert bob.stored.is_active
    operations.erase(by, first)
    with pytest.raises(NotFound):
        operations.erase(by, second)
    told = [(entry.action, entry.changes) for entry in AuditEntry.objects.order_by("id")]
    assert told == [
        ("user_deactivated", {"is_active": [True, False]}),
        ("user_reactivated", {"is_active": [False, True]}),
        ("user_erased", {}),
    ]


def test_who_is_deactivated_already_keeps_no_session(root: Person, bob: Person) -> None:
    """Though it was something else that deactivated them, in the store itself."""
    User._get_collection().update_one({"_id": bob.user.id}, {"$set": {"is_active": False}})
    operations.deactivate(actor(root), bob.stored)
    operations.reactivate(actor(root), bob.stored)
    assert bob.client.get("/api/v1/templates").status_code == 401


def test_the_role_that_goes_with_it_is_told(root: Person, bob: Person) -> None:
    bob.user.appoint(Role.STAFF)
    operations.deactivate(actor(root), bob.user)
    (entry,) = AuditEntry.objects(by="root")
    assert entry.changes["role"] == ["staff", None]


def test_a_set_password_is_good_for_setting_another(root: Person, bob: Person) -> None:
    operations.set_password(actor(root), bob.user, "handed-over-1")
    assert log_in("bob", "handed-over-1").status_code == 200
    assert bob.stored.must_change_password
    operations.set_password(actor(root), bob.user, "for-good-1", must_change=False)
    assert not bob.stored.must_change_password
    told = [(entry.action, entry.details) for entry in AuditEntry.objects(by="root").order_by("id")]
    assert told == [("password_set", {"must_change": flag}) for flag in (True, False)]


def test_the_policy_holds_for_operators_too(root: Person, bob: Person, settings: Settings) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = settings.STRICT_PASSWORD_VALIDATORS
    by = actor(root)
    for call in (
        lambda: operations.set_password(by, bob.user, "bob"),
        lambda: operations.create_user(by, "carol", "carol"),
        lambda: operations.create_user(by, "car\nol", "long enough, and odd"),
        lambda: operations.create_user(by, "", "long enough, and odd"),
    ):
        with pytest.raises(ValidationError):
            call()
    assert not AuditEntry.objects(by="root")


def test_a_created_user_chooses_a_password_first(root: Person) -> None:
    operations.create_user(actor(root), "carol", "carols-first")
    carol = User.named("carol")
    assert carol and carol.must_change_password
    with pytest.raises(UsernameTaken):
        operations.create_user(actor(root), "carol", "carols-second")


def test_one_session_ends_and_others_stand(root: Person, bob: Person, alice: Person) -> None:
    other = Session.start(bob.user)
    operations.end_session(actor(root), bob.user, other.id)
    assert bob.client.get("/api/v1/templates").status_code == 200
    for id in (other.id, "no such", Session.of(alice.user)[0].id):
        with pytest.raises(NotFound):
            operations.end_session(actor(root), bob.user, id)
    assert alice.client.get("/api/v1/templates").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["deactivate", "reactivate", "end sessions", "set a password", "force a change", "erase"],
)
def test_who_was_erased_meanwhile_does_not_come_back(name: str, root: Person, bob: Person) -> None:
    stale = User.named("bob")
    erase(bob.user)
    with pytest.raises(NotFound):
        OPERATIONS[name](actor(root), stale)
    assert User.named("bob") is None
    assert not AuditEntry.objects(by="root")


def keep_much_of(person: Person) -> None:
    """Have each kind of what is stored about a person, each with the text "mine" in it."""
    template = Template.create(
        person.name, {"template": {"text": "mine, as it was", "when": now()}}
    )
    body = {"template": {"text": "mine, as it is"}}
    assert person.client.put(f"/api/v1/templates/{template.id}", body).status_code == 200
    headers = {"HTTP_IDEMPOTENCY_KEY": "once"}
    body = {"template": "mine, once"}
    assert person.client.post("/api/v1/templates", body, **headers).status_code == 201
    log_in(person.name, person.password)
    log_in(person.name, "not-mine")


def test_an_export_has_all_that_is_stored_about_a_person(
    root: Person, alice: Person, bob: Person
) -> None:
    User._get_collection().update_one({"_id": bob.user.id}, {"$set": {"shoe": 43, "mine": b"\0"}})
    for person in (alice, bob):
        keep_much_of(person)
    told = json.loads(b"".join(operations.export(actor(root), bob.stored)))
    owned = [each.document for each in RESOURCES if issubclass(each.document, OwnedDocument)]
    assert set(told) - {"quarantine"} == {
        *("user", "role", "sessions", "audit"),
        *("idempotent_requests", "usage"),
        *(document._get_collection_name() for document in owned),
        *(document.Version._get_collection_name() for document in owned),
    }
    assert (told["user"]["username"], told["user"]["shoe"]) == ("bob", 43)
    assert told["role"] is None
    assert [len(told[name]) for name in ("sessions", "templates", "template_versions")] == [2, 2, 1]
    assert told["templates"][0]["template"] == {"text": "mine, as it is"}
    assert told["template_versions"][0]["template"]["text"] == "mine, as it was"
    assert "mine, once" in told["idempotent_requests"][0]["body"]
    actions = [entry["action"] for entry in told["audit"]]
    assert actions == ["logged_in", "login_failed", "user_exported"]
    assert "alice" not in json.dumps(told)
    for secret in (bob.stored.password, Session.of(bob.user)[0].refresh_id):
        assert secret not in json.dumps(told)


def test_an_export_of_nothing_is_empty(root: Person, bob: Person) -> None:
    Session.objects.delete()
    told = json.loads(b"".join(operations.export(Actor.at_shell("test"), bob.user)))
    assert told["sessions"] == told["templates"] == []


def test_an_export_has_nothing_of_who_had_the_name_before(root: Person, bob: Person) -> None:
    log_in("bob", bob.password)
    erase(bob.user)
    with after(hours=2):
        again = heir_of(bob).user
        told = json.loads(b"".join(operations.export(actor(root), again)))
    assert [entry["action"] for entry in told["audit"]] == ["user_exported"]


def test_who_is_erased_leaves_nothing_but_the_audit(
    root: Person, alice: Person, bob: Person
) -> None:
    for person in (alice, bob):
        keep_much_of(person)
    operations.erase(actor(root), bob.user)
    assert User.named("bob") is None
    for document in {*ServiceDocument.concrete_classes()} - {User, AuditEntry}:
        assert "bob" not in str(list(document._get_collection().find()))
    for document in (Template, Template.Version, IdempotentRequest, Session, Usage):
        assert "alice" in str(list(document._get_collection().find()))
    (entry,) = AuditEntry.objects(by="root")
    assert (entry.action, entry.username) == ("user_erased", "bob")
    assert entry.expires_at - entry.at == settings.AUDIT_RETENTION > timedelta()


# --- A user whose name is no text, as another program may have stored them -----------------------


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "end a session"])
@pytest.mark.parametrize("name", mostly_long(5, None, ["zoe"], {"first": "zoe"}, ""))
def test_each_operation_takes_a_user_whose_name_is_no_text(
    operation: str, name: Any, alice: Person, root: Person
) -> None:
    Template.create(alice.name, {"template": "hers"})
    id = User._get_collection().insert_one({"username": name, "password": "x"}).inserted_id
    Template._get_collection().insert_one({"template": "nobody's"})
    user = User.objects(id=id).first()
    by = actor(root)
    refused = pytest.raises(Conflict, match="name is no text")
    is_refused = operation in NEEDS_NAME and not isinstance(name, str)
    with refused if is_refused else nullcontext():
        done = OPERATIONS[operation](by, user)
        assert operation != "export" or b"nobody" not in done
    assert Template.objects.count() == 2
    assert user.is_stored() == (operation != "erase")
    with after(hours=2):
        assert alice.client.delete("/api/v1/users/me").status_code == 204
