"""The end of an account: however much there is, and whoever writes meanwhile."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import erasure
from accounts.audit import AuditEntry
from accounts.documents import Session, User
from accounts.erasure import free_name
from accounts.operators import Role
from templates_app.documents import Template
from templatesvc.api.idempotent_requests import IdempotentRequest
from templatesvc.api.notation import format_time
from templatesvc.mongo import batches
from templatesvc.mongo.leases import Lease, lease_name
from tests.accounts.callers import after, erase, log_in, post
from tests.accounts.operators import messages, operators_browser, page_of, text
from tests.conftest import Person
from tests.failing import failing

pytestmark = pytest.mark.store

ME = "/api/v1/users/me"
TEMPLATES = "/api/v1/templates"


@pytest.fixture
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request deletes one batch of two."""
    monkeypatch.setattr(batches, "BATCH", 2)
    monkeypatch.setattr(batches, "SECONDS", -1)


def keep(person: Person, many: int) -> None:
    for number in range(many):
        Template.create(person.name, {"template": f"{person.name} {number}"})


def register(name: str) -> int:
    status: int = post("users", {"username": name, "password": "another-1"}).status_code
    return status


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("eraseuser", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("_slow")
def test_who_has_much_repeats_the_request_until_it_is_done(alice: Person, bob: Person) -> None:
    keep(alice, 5)
    keep(bob, 1)
    statuses = []
    while 204 not in statuses:
        answer = alice.client.delete(ME)
        statuses.append(answer.status_code)
        assert answer.content == b""
        for path in (ME, TEMPLATES, "/api/v1/sessions"):
            assert alice.client.get(path).status_code == 401
        for name in ("api/v1/templates", "api/v1/users/me/password", "api/v1/logout/all"):
            assert alice.client.post(f"/{name}", {"template": "x"}).status_code == 401
        assert log_in("alice", alice.password).status_code == 401
        assert register("alice") == 409
    assert statuses == [202] * 4 + [204]
    assert [template.owner for template in Template.objects] == ["bob"]
    assert alice.client.delete(ME).status_code == 401
    assert [entry.action for entry in AuditEntry.objects(by="alice")] == ["user_deleted"]
    assert [session.username for session in Session.objects] == ["bob"]


@pytest.mark.usefixtures("_slow")
def test_another_token_of_theirs_is_refused(alice: Person) -> None:
    keep(alice, 5)
    other = log_in("alice", alice.password).json()["access_token"]
    assert alice.client.delete(ME).status_code == 202
    client = Client(headers={"Authorization": f"Bearer {other}"})
    assert client.delete(ME).status_code == 401
    assert alice.client.delete(ME).status_code == 202


@pytest.mark.usefixtures("_slow")
def test_a_browser_goes_on_with_its_cookie(alice: Person) -> None:
    keep(alice, 3)
    browser = Client(enforce_csrf_checks=True)
    browser.get("/api-auth/login")
    form = {"username": "alice", "password": alice.password}
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.post("/api-auth/login", form, headers=token).status_code == 302
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.delete(ME, headers=token).status_code == 202
    assert browser.get(ME).status_code == 401
    assert browser.delete(ME).status_code == 403
    statuses = [browser.delete(ME, headers=token).status_code for _ in range(3)]
    assert statuses == [202, 202, 204]


@pytest.mark.usefixtures("_slow")
def test_an_operator_goes_on_by_the_api_and_by_the_button(alice: Person, bob: Person) -> None:
    bob.user.appoint(Role.STAFF)
    keep(alice, 7)
    path = f"/api/v1/users/{alice.user.id}"
    assert bob.client.delete(path).status_code == 202
    for asked in (bob.client.get(path), bob.client.patch(path, {"is_active": True})):
        assert asked.status_code == 404
    assert "alice" not in str(bob.client.get("/api/v1/users").json())
    assert bob.client.delete(path).status_code == 202
    root = operators_browser()
    page = text(root.get(page_of(alice.user)))
    assert "Reactivate" not in page
    again = root.post(page_of(alice.user, "erase"), {"post": "yes", "name": "alice"})
    assert "Erase again to go on" in text(again)
    while again.status_code == 200:
        again = root.post(page_of(alice.user, "erase"), {"post": "yes", "name": "alice"})
    assert again.status_code == 302
    assert "was erased" in messages(root)
    assert Template.objects.count() == 0
    assert bob.client.delete(path).status_code == 204
    assert [entry.by for entry in AuditEntry.objects(action="user_erased")] == ["bob"]


@pytest.mark.usefixtures("_slow")
def test_a_command_erases_and_finishes_what_was_begun(alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        keep(person, 5)
    assert alice.client.delete(ME).status_code == 202
    said = run("bob")
    (stone,) = User.tombstones().filter(username="bob")
    free_at = format_time(stone.erased_at + settings.ERASED_NAME_HOLD)
    assert said.endswith(f"Erased bob.\nNobody can have the name until {free_at}.\n")
    assert {template.owner for template in Template.objects} == {"alice"}
    assert "Names freed: 0; held until their time is over: 2" in run("--begun")
    assert Template.objects.count() == 0
    with after(hours=2):
        assert "Names freed: 2; held until their time is over: 0" in run("--begun")
    assert User.objects.count() == 0
    for wrong in ([], ["bob", "--begun"], ["bob"]):
        with pytest.raises(CommandError):
            run(*wrong)


def test_a_tombstone_keeps_the_name_and_nothing_else(alice: Person) -> None:
    User._get_collection().update_one({"username": "alice"}, {"$set": {"shoe": 43}})
    assert alice.client.delete(ME).status_code == 204
    (stone,) = User._get_collection().find()
    assert set(stone) == {
        *("_id", "username", "password", "is_active", "must_change_password"),
        *("token_version", "erased_at", "swept_at", "erasure_entry"),
    }
    assert (stone["username"], stone["password"], stone["is_active"]) == ("alice", "!", False)


def test_the_name_is_free_once_the_longest_request_is_over(alice: Person) -> None:
    assert alice.client.delete(ME).status_code == 204
    with after(minutes=59):
        assert register("alice") == 409
        assert log_in("alice", alice.password).status_code == 401
    with after(minutes=61):
        assert register("alice") == 201
        assert register("alice") == 409
        token = log_in("alice", "another-1").json()["access_token"]
        assert Client(headers={"Authorization": f"Bearer {token}"}).get(ME).status_code == 200


def test_one_request_deletes_at_a_time_and_others_are_told_that_it_goes_on(alice: Person) -> None:
    keep(alice, 1)
    with Lease.held(lease_name("alice", work="erase"), timedelta(minutes=1)):
        answer = alice.client.delete(ME)
        assert (answer.status_code, answer["Retry-After"]) == (202, "1")
        assert Template.objects.count() == 1
    assert alice.client.delete(ME).status_code == 204
    assert Template.objects.count() == 0


def test_what_was_written_meanwhile_is_not_the_heirs(alice: Person) -> None:
    assert alice.client.delete(ME).status_code == 204
    template = Template.create(alice.name, {"template": "late"})
    template.keep_version()
    IdempotentRequest.claim("key", "alice", "fingerprint")
    with after(minutes=61):
        assert register("alice") == 201
        for document in (Template, Template.Version, IdempotentRequest):
            assert document.objects.count() == 0


def test_a_name_is_not_freed_while_another_sweeps(alice: Person) -> None:
    erase(alice.user)
    with after(hours=2):
        stone = User.tombstones().first()
        assert erasure.sweep(stone)
        assert not free_name("alice")
    with after(hours=2, minutes=1):
        assert free_name("alice")
        assert not erasure.free(stone)


def test_a_stale_erasure_leaves_the_heir_alone(alice: Person, bob: Person) -> None:
    stale = User.named("alice")
    erase(alice.user)
    stone = User.tombstones().first()
    with after(hours=2):
        assert register("alice") == 201
        heir = User.named("alice")
        assert heir
        Template.create(heir.username, {"template": "the heir's"})
        for old in (stale, stone):
            erasure.begin(old)
            assert erasure.go_on(old)
        assert [template.template for template in Template.objects] == ["the heir's"]
        assert User.named("alice")


def test_an_erasure_frees_names_whose_time_is_over(alice: Person, bob: Person) -> None:
    erase(alice.user)
    with after(hours=2):
        erase(bob.user)
        assert [user.username for user in User.objects] == ["bob"]


@pytest.mark.parametrize("stored", ["2026-01-01", 5, True, None, {"a": 1}, []])
def test_what_a_registration_brought_along_makes_no_tombstone(stored: Any, alice: Person) -> None:
    User._get_collection().update_one(
        {"username": "alice"}, {"$set": {"erased_at": stored, "swept_at": stored}}
    )
    assert alice.client.get(ME).status_code == 200
    assert log_in("alice", alice.password).status_code == 200
    assert not free_name("alice")
    assert alice.client.delete(ME).status_code == 204
    assert User.named("alice") is None


# --- What fails on the way ------------------------------------------------------------------------

STEPS = [
    *("users.replace_one", "audit.insert_one", "users.update_one"),
    *("sessions.delete_many", "templates.find"),
]


@pytest.mark.parametrize("step", STEPS)
def test_whichever_write_fails_the_same_request_goes_on(step: str, alice: Person) -> None:
    keep(alice, 1)
    with failing(step):
        assert alice.client.delete(ME).status_code == 503
    assert alice.client.delete(ME).status_code == 204
    assert User.named("alice") is None
    assert Template.objects.count() == 0
    assert [entry.action for entry in AuditEntry.objects(by="alice")] == ["user_deleted"]


@pytest.mark.parametrize("step", STEPS)
def test_whichever_write_fails_an_operator_goes_on(step: str, alice: Person, bob: Person) -> None:
    bob.user.appoint(Role.STAFF)
    keep(alice, 1)
    path = f"/api/v1/users/{alice.user.id}"
    with failing(step):
        assert bob.client.delete(path).status_code == 503
    assert bob.client.delete(path).status_code == 204
    assert Template.objects.count() == 0
    assert [entry.by for entry in AuditEntry.objects(action="user_erased")] == ["bob"]


def test_what_fails_for_another_name_is_no_failure_of_ones_own(alice: Person, bob: Person) -> None:
    erase(alice.user)
    with after(hours=2), failing("users.delete_many"):
        token = log_in("bob", bob.password).json()["access_token"]
        client = Client(headers={"Authorization": f"Bearer {token}"})
        assert client.delete(ME).status_code == 204
    assert User.tombstones().count() == 2


def test_a_session_that_began_too_late_goes_with_the_name(alice: Person) -> None:
    late = User.named("alice")
    assert late
    erase(alice.user)
    Session.start(late)
    with after(hours=2):
        assert free_name("alice")
    assert Session.objects.count() == 0


def test_who_judged_a_tombstone_by_what_it_was_frees_nothing(alice: Person) -> None:
    erase(alice.user)
    with after(hours=2):
        stale, stone = User.tombstones().first(), User.tombstones().first()
        assert erasure.sweep(stone)  # which is still going on, for all that others know
        assert not erasure.free(stale)
        assert User.tombstones().count() == 1
