"""What operators do about accounts on their pages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client, override_settings

from accounts.audit import Action, AuditEntry
from accounts.documents import Session, User
from accounts.operators import Role
from templates_app.documents import Template
from tests.accounts.callers import log_in, me
from tests.accounts.operators import (
    PASSWORD,
    browser_of,
    messages,
    operator,
    operators_browser,
    page_of,
    text,
)
from tests.conftest import Person

USERS = "/admin/accounts/user"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


def do(browser: Client, document: Any, action: str, **form: str) -> Any:
    """Send the page that asks before an act."""
    return browser.post(page_of(document, action), {"post": "yes", **form})


def again(user: User) -> User:
    found = User.named(user.username)
    assert found
    return found


def last_entry() -> AuditEntry:
    return AuditEntry.objects.order_by("-id").first()


# --- Logging in and out -----------------------------------------------------------------------


def test_an_operator_logs_in_on_the_page_and_out() -> None:
    operator("root")
    browser = Client()
    form = {"username": "root", "password": PASSWORD, "next": "/admin/"}
    assert browser.post("/admin/login", form).headers["Location"] == "/admin/"
    assert browser.get("/admin").status_code == 200
    assert browser.post("/admin/logout").headers["Location"] == "/admin/login"
    assert browser.get("/admin/").status_code == 302
    seen = [entry.action for entry in AuditEntry.objects(username="root").order_by("id")]
    assert seen[-2:] == ["logged_in", "logged_out"]


def test_wrong_passwords_count_as_they_do_elsewhere() -> None:
    operator("root")
    browser = Client()
    for _ in range(10):
        browser.post("/admin/login", {"username": "root", "password": "wrong"})
    answer = browser.post("/admin/login", {"username": "root", "password": PASSWORD})
    assert "Too many attempts." in text(answer)
    assert log_in("root", PASSWORD).status_code == 429


def test_rights_end_with_the_role_at_the_next_request() -> None:
    other = operator("other", Role.STAFF)
    browser = browser_of(other)
    assert browser.get(USERS).status_code == 200
    other.appoint(None)
    assert browser.get(USERS).headers["Location"].startswith("/admin/login")


def test_who_has_to_change_the_password_does_so_first(root: Client) -> None:
    other = operator("other", Role.STAFF)
    do(root, other, "force_password_change")
    browser = browser_of(again(other))
    assert browser.get(USERS).headers["Location"] == "/admin/password_change"
    same = {"current_password": PASSWORD, "new_password": PASSWORD, "again": PASSWORD}
    assert "Choose another" in text(browser.post("/admin/password_change", same))
    form = {"current_password": PASSWORD, "new_password": "another-2", "again": "another-2"}
    assert browser.post("/admin/password_change", form).headers["Location"] == "/admin/"
    assert browser.get(USERS).status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"current_password": "wrong"}, "This is not your current password."),
        ({"again": "else"}, "The two passwords are not the same."),
        ({"new_password": "x" * 129, "again": "x" * 129}, "no more than 128 characters"),
        ({"new_password": "short", "again": "short"}, "too short"),
    ],
)
@override_settings(
    AUTH_PASSWORD_VALIDATORS=[
        {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}
    ]
)
def test_a_change_of_password_is_refused_in_words(
    root: Client, changes: dict[str, str], said: str
) -> None:
    form = {"current_password": PASSWORD, "new_password": "another-2", "again": "another-2"}
    answer = root.post("/admin/password_change", form | changes)
    assert answer.status_code == 200
    assert said in text(answer)
    assert log_in("root", PASSWORD).status_code == 200


# --- One user -----------------------------------------------------------------------------------


def test_an_act_asks_first_and_names_what_will_happen(root: Client, alice: Person) -> None:
    page = text(root.get(page_of(alice.user, "deactivate")))
    assert "The user is logged out everywhere at once" in page
    assert "Deactivate alice The user is" in page
    assert again(alice.user).is_active
    assert root.post(page_of(alice.user, "deactivate")).status_code == 200
    assert again(alice.user).is_active


def test_deactivating_ends_everything_and_reactivating_lets_in(root: Client, alice: Person) -> None:
    token = alice.tokens["access_token"]
    assert do(root, alice.user, "deactivate").headers["Location"] == page_of(alice.user)
    assert messages(root) == "“alice” was deactivated."
    assert me(token) == 401
    assert log_in("alice", alice.password).status_code == 401
    entry = AuditEntry.objects(action="user_deactivated").first()
    assert (entry.by, entry.changes) == ("root", {"is_active": [True, False]})
    assert "is_active: yes → no" in text(root.get(page_of(entry)))
    do(root, alice.user, "reactivate")
    assert log_in("alice", alice.password).status_code == 200


def test_a_page_offers_what_applies(root: Client, alice: Person) -> None:
    assert "Reactivate" not in text(root.get(page_of(alice.user)))
    alice.user.deactivate()
    page = text(root.get(page_of(alice.user)))
    assert "Reactivate" in page
    assert "Deactivate" not in page


@pytest.mark.parametrize(
    ("action", "button"), [("reactivate", "Reactivate"), ("appoint", "Change role")]
)
def test_an_act_that_does_not_apply_any_more_is_refused_on_its_page(
    root: Client, alice: Person, action: str, button: str
) -> None:
    refusal = f"“{button}” is not possible in the current state."
    if action == "appoint":
        alice.user.deactivate()
    before = again(alice.user).to_mongo()
    asking = root.get(page_of(alice.user, action))
    assert asking.headers["Location"] == page_of(alice.user)
    assert messages(root) == f"“alice”: {refusal}"
    answer = do(root, alice.user, action, role="staff")
    assert refusal in text(answer)
    assert again(alice.user).to_mongo() == before
    assert not AuditEntry.objects(by="root", action__ne="logged_in")


def test_of_many_those_to_whom_an_act_does_not_apply_are_named(
    root: Client, alice: Person, bob: Person
) -> None:
    bob.user.deactivate()
    ticked = {"action": "reactivate", "_selected_action": [str(alice.user.id), str(bob.user.id)]}
    root.post(USERS, ticked | {"post": "yes"})
    assert messages(root) == (
        "“bob” was reactivated. “alice”: “Reactivate” is not possible in the current state."
    )
    (entry,) = AuditEntry.objects(action="user_reactivated")
    assert entry.username == "bob"


def test_many_are_ticked_and_one_page_asks(root: Client, alice: Person, bob: Person) -> None:
    ticked = {"action": "deactivate", "_selected_action": [str(alice.user.id), str(bob.user.id)]}
    assert "2 users alice bob" in text(root.post(f"{USERS}?active=yes", ticked))
    assert again(alice.user).is_active
    answer = root.post(f"{USERS}?active=yes", ticked | {"post": "yes"})
    assert answer.headers["Location"] == f"{USERS}?active=yes"
    assert not again(alice.user).is_active
    assert not again(bob.user).is_active
    assert messages(root) == "2 users were deactivated."


def test_of_many_those_that_may_not_be_are_named(alice: Person) -> None:
    root, browser = operator("root"), operators_browser("staff", Role.STAFF)
    ticked = {"action": "deactivate", "_selected_action": [str(alice.user.id), str(root.id)]}
    browser.post(USERS, ticked | {"post": "yes"})
    assert "“root”: Only a superuser may do this to an operator." in messages(browser)
    assert again(root).is_active
    assert not again(alice.user).is_active


@pytest.mark.parametrize(
    "form", [{}, {"action": "deactivate"}, {"action": "erase"}, {"action": "x"}]
)
def test_nothing_chosen_or_ticked_is_told(root: Client, form: dict[str, str]) -> None:
    assert "Select items and an action." in text(root.post(USERS, form))


def test_ticks_are_kept_where_the_action_was_forgotten(
    root: Client, alice: Person, bob: Person
) -> None:
    page = root.post(f"{USERS}?q=b", {"_selected_action": str(bob.user.id)}).content.decode()
    assert 'aria-label="Select bob" checked' in page
    assert "Select alice" not in page
    chosen = root.post(USERS, {"action": "end_sessions"}).content.decode()
    assert '<option value="end_sessions" selected>' in chosen


def test_what_was_ticked_and_is_gone_is_told(root: Client) -> None:
    form = {"action": "deactivate", "_selected_action": "0" * 24}
    assert root.post(USERS, form).headers["Location"] == USERS
    assert messages(root) == "What you selected is not there any more."


def test_many_refusals_of_one_kind_are_told_in_one_sentence(root: Client) -> None:
    people = [User.register(f"user-{n:02}", "users-own-1") for n in range(30)]
    for user in people[5:]:
        user.deactivate()
    ticked = {"action": "deactivate", "_selected_action": [str(user.id) for user in people]}
    root.post(USERS, ticked | {"post": "yes"})
    assert messages(root) == (
        "5 users were deactivated. “user-05”, “user-06”, “user-07” and 22 more: "
        "“Deactivate” is not possible in the current state."
    )


def test_what_is_for_one_can_not_be_done_to_many(root: Client, alice: Person) -> None:
    form = {"action": "erase", "_selected_action": str(alice.user.id), "post": "yes"}
    assert root.post(USERS, form).status_code == 403


def test_a_password_is_set_and_is_good_for_changing_it(root: Client, alice: Person) -> None:
    do(root, alice.user, "set_password", password=" from-root ", must_change="on")
    token = log_in("alice", " from-root ").json()["access_token"]
    assert me(token) == 403
    assert "from-root" not in str(last_entry().to_mongo())


@pytest.mark.parametrize("password", ["", "x" * 129])
def test_a_password_that_is_refused_is_told_beside_its_field(
    root: Client, alice: Person, password: str
) -> None:
    answer = do(root, alice.user, "set_password", password=password)
    assert 'id="id_password_error"' in answer.content.decode()
    assert log_in("alice", alice.password).status_code == 200


def test_a_superuser_makes_and_unmakes_staff(root: Client, alice: Person) -> None:
    do(root, alice.user, "appoint", role="staff")
    assert again(alice.user).role == Role.STAFF
    assert "staff: can view and change" in text(root.get(page_of(alice.user)))
    do(root, alice.user, "appoint", role="")
    assert again(alice.user).role is None


def test_a_change_of_role_is_told_from_what_to_what(root: Client, alice: Person) -> None:
    do(root, alice.user, "appoint", role="staff")
    assert messages(root) == "Role of “alice” changed: none → staff."
    asking = root.get(page_of(alice.user, "appoint")).content.decode()
    assert '<option value="staff" selected>' in asking
    assert "This is their role already." in text(do(root, alice.user, "appoint", role="staff"))
    do(root, alice.user, "appoint", role="")
    assert messages(root) == "Role of “alice” changed: staff → none."
    assert AuditEntry.objects(action="role_changed").count() == 2


def test_a_change_of_quota_is_told_from_what_to_what(root: Client, alice: Person) -> None:
    asking = text(root.get(page_of(alice.user, "limit")))
    assert "The default: documents: at most 100,000; bytes: at most 1,073,741,824." in asking
    do(root, alice.user, "limit", documents="5000")
    assert messages(root) == "Quota of “alice” changed: documents: the default → 5,000."
    assert 'value="5000"' in root.get(page_of(alice.user, "limit")).content.decode()
    again = do(root, alice.user, "limit", documents="5000")
    assert "These are their limits already." in text(again)
    assert AuditEntry.objects(action="quota_changed").count() == 1


def test_staff_are_not_offered_what_they_may_not_do_to_an_operator(alice: Person) -> None:
    other, browser = operator("other", Role.VIEWER), operators_browser("staff", Role.STAFF)
    assert "Deactivate" in text(browser.get(page_of(alice.user)))
    page = text(browser.get(page_of(other)))
    assert "Export" in page
    for word in ("Deactivate", "End all sessions", "Set password", "Erase", "Change quota"):
        assert word not in page
    browser_of(other)
    session = Session.of(other).first()
    assert "End " not in text(browser.get(page_of(session)))


@pytest.mark.parametrize("path", [USERS, "/admin/accounts/session"])
def test_staff_can_not_tick_an_operator(path: str, alice: Person) -> None:
    browser_of(operator("other", Role.VIEWER))
    staff = operators_browser("staff", Role.STAFF).get(path).content.decode()
    boxes = re.findall('aria-label="Select (alice|other|staff)[",]', staff)
    assert boxes == ["alice"]
    assert 'data-actions-icnt="1"' in staff
    root = operators_browser("root").get(path).content.decode()
    boxes = re.findall('aria-label="Select (alice|other|staff)[",]', root)
    assert sorted(boxes) == ["alice", "other", "staff"]


def test_the_last_superuser_is_not_offered_to_be_removed(root: Client) -> None:
    user = User.named("root")
    page = text(root.get(page_of(user)))
    for word in ("Deactivate", "Change role", "Erase"):
        assert word not in page
    operator("other")
    assert "Erase" in text(root.get(page_of(user)))


def test_an_erasure_says_what_and_how_much_goes(root: Client, alice: Person) -> None:
    for n in range(3):
        Template.create(alice.name, {"template": f"number {n}"})
    page = text(root.get(page_of(alice.user, "erase")))
    assert "This cannot be undone. Audit entries are kept." in page
    assert "3 templates" in page
    assert "1 session " in page
    assert re.search(r"\d+ bytes in all", page)


def page(browser: Client, document: Any) -> str:
    return browser.get(page_of(document)).content.decode()


def test_what_there_is_to_see_stands_apart_from_what_can_be_done(
    root: Client, alice: Person
) -> None:
    see, do = re.findall(r'<ul class="object-tools.*?</ul>', page(root, alice.user), re.S)
    names = re.compile(r"<a [^>]*>(.*?)</a>")
    assert {"Sessions", "Templates", "Export", "History"} < set(names.findall(see))
    assert {"Deactivate", "Set password", "Erase"} < set(names.findall(do))


def test_only_what_can_not_be_undone_is_red(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    assert re.findall(r'class="final"><a [^>]*>(.*?)</a>', page(root, alice.user)) == ["Erase"]
    assert 'class="final"' not in page(root, template)
    # Django's style for the body makes each button of a form red.
    for red in ('class="deletelink"', "delete-confirmation"):
        assert red in root.get(page_of(alice.user, "erase")).content.decode()
        assert red not in root.get(page_of(alice.user, "set_password")).content.decode()
        assert red not in root.get(page_of(template, "delete")).content.decode()


def test_titles_name_who_it_is_about(root: Client, alice: Person) -> None:
    for page in ("change", "history", "erase", "set_password"):
        assert "<title>alice | " in root.get(page_of(alice.user, page)).content.decode()


def test_staff_can_not_raise_anybody(alice: Person) -> None:
    staff = operator("staff", Role.STAFF)
    browser = browser_of(staff)
    for user in (staff, alice.user):
        assert do(browser, user, "appoint", role="superuser").status_code == 403
    assert again(staff).role == Role.STAFF


def test_the_last_superuser_stays(root: Client) -> None:
    user = User.named("root")
    for action, form in (
        ("deactivate", {}),
        ("appoint", {"role": "staff"}),
        ("erase", {"name": "root"}),
    ):
        answer = do(root, user, action, **form)
        assert "This is the last superuser. Make somebody else one first." in text(answer)
    assert root.get(USERS).status_code == 200


def test_somebody_is_created(root: Client) -> None:
    form = {"username": "carol ann", "password": " carols-1 "}
    answer = root.post(f"{USERS}/add", form)
    carol = User.named("carol ann")
    assert carol
    assert answer.headers["Location"] == page_of(carol)
    assert log_in("carol ann", " carols-1 ").status_code == 200


@pytest.mark.parametrize(
    ("username", "said"),
    [("root", "Username already exists"), ("a\x01b", "Control characters"), ("", "required")],
)
def test_a_name_that_is_refused_is_told(root: Client, username: str, said: str) -> None:
    answer = root.post(f"{USERS}/add", {"username": username, "password": "carols-1"})
    assert answer.status_code == 200
    assert said in text(answer)


def test_all_that_is_stored_is_exported_as_one_file(root: Client, alice: Person) -> None:
    Template.create(alice.name, {"template": "=cmd|' /C calc'!A0"})
    answer = do(root, alice.user, "export")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="alice.json"'
    exported = json.loads(answer.getvalue())
    assert exported["user"]["username"] == "alice"
    assert exported["templates"][0]["template"] == "=cmd|' /C calc'!A0"
    assert "password" not in exported["user"]
    assert last_entry().action == Action.USER_EXPORTED


def test_the_name_of_an_exports_file_is_one_whatever_the_user_is_called(root: Client) -> None:
    name = 'a/../b"; filename="c\r\nSet-Cookie: x=1'
    User._get_collection().insert_one({"username": name})
    user = User.named(name)
    header = do(root, user, "export").headers["Content-Disposition"]
    assert header == 'attachment; filename="a_.._b_; filename=_c__Set-Cookie_ x=1.json"'


def test_erasing_asks_for_the_name(root: Client, alice: Person) -> None:
    Template.create(alice.name, {"template": "First"})
    for name in ("", "Alice", "alice "):
        assert do(root, alice.user, "erase", name=name).status_code == 200
    assert User.named("alice")
    assert do(root, alice.user, "erase", name="alice").headers["Location"] == USERS
    assert User.named("alice") is None
    assert Template.objects(owner="alice").count() == 0
    assert "Deletion begun (UTC): 20" in text(root.get(page_of(alice.user)))


def test_the_history_of_a_user_is_the_audit_of_them(root: Client, alice: Person) -> None:
    log_in("alice", "wrong")
    do(root, alice.user, "deactivate")
    page = text(root.get(page_of(alice.user, "history")))
    assert "root An operator deactivated the account. is_active: yes → no" in page
    assert "Log-in failed." in page


# --- Sessions and the audit ---------------------------------------------------------------------


def test_a_session_is_seen_and_ended(root: Client, alice: Person) -> None:
    (session,) = Session.of(alice.user)
    assert "1 session" in text(root.get("/admin/accounts/session?user=alice"))
    assert "0 sessions" in text(root.get("/admin/accounts/session?user=nobody"))
    assert do(root, session, "end").headers["Location"] == "/admin/accounts/session"
    assert me(alice.tokens["access_token"]) == 401
    assert last_entry().action == Action.SESSION_ENDED


def test_no_page_has_a_secret(root: Client, alice: Person) -> None:
    (session,) = Session.of(alice.user)
    log_in("alice", alice.password)
    shown = "".join(
        root.get(path).content.decode()
        for path in (page_of(alice.user), page_of(session), "/admin/accounts/session")
    )
    for secret in (alice.user.password, session.refresh_id, alice.tokens["refresh_token"]):
        assert secret not in shown


def test_the_audit_is_filtered_and_exported(root: Client, alice: Person, bob: Person) -> None:
    do(root, alice.user, "deactivate")
    do(root, bob.user, "end_sessions")
    path = "/admin/accounts/auditentry"
    assert "1 audit entry" in text(root.get(f"{path}?user=alice"))
    assert "0 audit entries" in text(root.get(f"{path}?user=alice&action=logged_in"))
    answer = root.get(f"{path}/export?by=root&user=alice")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    (entry,) = [json.loads(line) for line in answer.getvalue().splitlines()]
    assert (entry["action"], entry["username"], entry["by"]) == (
        "user_deactivated",
        "alice",
        "root",
    )
    assert last_entry().action == Action.AUDIT_EXPORTED


def test_an_export_of_the_audit_has_what_its_list_has_found(
    root: Client, alice: Person, bob: Person
) -> None:
    do(root, alice.user, "deactivate")
    do(root, alice.user, "reactivate")
    do(root, bob.user, "end_sessions")
    path = "/admin/accounts/auditentry"
    for asked, found in (("q=LIC", 2), ("q=+lic+&action=user_reactivated", 1), ("q=nobody", 0)):
        (url,) = [url for name, url in root.get(f"{path}?{asked}").context["tools"]]
        assert f"{found} audit entr" in text(root.get(f"{path}?{asked}"))
        lines = root.get(url).getvalue().splitlines()
        assert [json.loads(line)["username"] for line in lines] == ["alice"] * found


def test_no_page_changes_the_audit(root: Client, alice: Person) -> None:
    do(root, alice.user, "deactivate")
    path = page_of(last_entry())
    assert root.post(path, {"username": "bob"}).status_code == 403
    assert root.post("/admin/accounts/auditentry/add", {}).status_code == 404


# --- Hostile input ------------------------------------------------------------------------------


def test_scripts_in_names_and_programs_are_shown_as_text(root: Client) -> None:
    user = User.register(SCRIPT, "alices-1")
    log_in(SCRIPT, "alices-1", HTTP_USER_AGENT=f"{SCRIPT}{{{{ settings }}}}")
    session = Session.of(user).first()
    pages = [page_of(user, page) for page in ("change", "history", "deactivate", "erase")]
    pages += [USERS, f"{USERS}?q={SCRIPT}", page_of(session), "/admin/accounts/session"]
    pages += ["/admin/accounts/auditentry", f"/admin/accounts/auditentry?user={SCRIPT}"]
    for path in pages:
        page = root.get(path).content.decode()
        assert SCRIPT not in page, path
        assert "&lt;script&gt;" in page, path
    do(root, user, "deactivate")
    assert SCRIPT not in root.get("/admin/").content.decode()


def test_smuggled_rights_and_wrong_types_are_no_harm(root: Client) -> None:
    row = {"username": "mallory", "is_staff": True, "role": "superuser", "is_active": "no"}
    User._get_collection().insert_one(row | {"last_login": "x", "date_joined": 5, "_cls": "X"})
    mallory = User.named("mallory")
    assert mallory
    assert root.get(USERS).status_code == 200
    assert "Role: none" in text(root.get(page_of(mallory)))
    assert browser_of(mallory).get("/admin/").status_code == 302


def test_a_user_whose_name_is_no_text_has_a_page_and_can_be_locked_out(root: Client) -> None:
    id = User._get_collection().insert_one({"username": 5}).inserted_id
    user = User.objects(id=id).first()
    assert "the user with the id" in text(root.get(page_of(user)))
    assert do(root, user, "deactivate").status_code == 302
    assert User._get_collection().find_one({"_id": id})["is_active"] is False
