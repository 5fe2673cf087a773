"""What the pages of the API say, and keep, of what somebody does there."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import _csot
from rest_framework.test import APIClient

from templates_app.documents import Template
from templates_app.exceptions import TemplateExists
from templatesvc.api.deadlines import LARGE_BODY
from templatesvc.api.problem_types import problem_types
from tests.accounts.callers import browser
from tests.conftest import Person, log_in

LIST = "/api/v1/templates"
PASSWORD = "/api/v1/users/me/password"
EVERYWHERE = ["/api/v1/", LIST, "/api/v1/nowhere", "/api-auth/login", "/problems"]
MALFORMED = '{"template": "Dear {name}",,}'
POST_ONLY = {
    "users/me/password": "Change password",
    "logout": "Log out",
    "logout/all": "Log out everywhere",
    "token/verify": "Verify",
    "token/refresh": "POST",
    "templates/import": "Import",
}


@pytest.fixture
def page(alice: Person) -> APIClient:
    """The browser in which alice is logged in."""
    client = browser(alice.name, alice.password)
    client.defaults["HTTP_ACCEPT"] = "text/html"
    return client


def text(answer: Any) -> str:
    """Return the HTML of an answer, as it is read."""
    return html.unescape(answer.content.decode())


def bar(answer: Any) -> str:
    """Return the header of a page, which names who is logged in."""
    return re.search("<header>.*?</header>", text(answer), re.S)[0]  # type: ignore[index]


def field(answer: Any, name: str) -> str:
    """Return a field of a form with all that belongs to it."""
    parts = text(answer).split('<div class="form-group')
    return next(part for part in parts if f'name="{name}"' in part)


# --- What was typed ------------------------------------------------------------------------------


def send(page: APIClient, body: Any, path: str = LIST, method: str = "post") -> Any:
    if isinstance(body, str):
        return getattr(page, method)(path, body, content_type="application/json")
    return getattr(page, method)(path, body, format="multipart")


def test_malformed_json_stays_in_its_box_with_the_error_beside_it(page: APIClient) -> None:
    answer = send(page, MALFORMED)
    assert answer.status_code == 400
    assert MALFORMED in field(answer, "_content")
    assert "The body is not valid JSON" in field(answer, "_content")
    assert "<details open>" in text(answer)
    assert "alice" in bar(answer)


def test_malformed_json_in_a_change_as_well(page: APIClient, alice: Person) -> None:
    path = f"{LIST}/{Template.create(alice.name, {'template': 'x'}).id}"
    answer = send(page, MALFORMED, path, "put")
    assert MALFORMED in field(answer, "_content")
    assert "alice" in bar(answer)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"template": "Dear {name}"}, "\nDear {name}</textarea>"),
        ('{"template": "Dear {name}"}', '"template": "Dear {name}"'),
        (MALFORMED, MALFORMED),
    ],
    ids=["a form", "JSON", "malformed JSON"],
)
@pytest.mark.parametrize("method", ["post", "put"])
def test_what_was_typed_stays_when_the_session_has_ended(
    page: APIClient, alice: Person, method: str, body: Any, kept: str
) -> None:
    path = f"{LIST}/{Template.create(alice.name, {'template': 'x'}).id}"
    alice.user.end_sessions()
    answer = send(page, body, path if method == "put" else LIST, method)
    assert answer.status_code == 401
    assert kept in field(answer, "template" if isinstance(body, dict) else "_content")
    assert "What you typed is still in the form below." in text(answer)
    assert "Log in</a> in another tab" in text(answer)
    assert "alice" not in bar(answer)
    # And once they have logged in again, the same button does it.
    again = browser(alice.name, alice.password)
    if body != MALFORMED:
        assert send(again, body, path if method == "put" else LIST, method).status_code < 300


def test_who_never_was_logged_in_has_no_form(client: APIClient) -> None:
    answer = client.get(LIST, HTTP_ACCEPT="text/html")
    assert answer.status_code == 401
    assert "<textarea" not in text(answer)


def test_another_sites_text_is_in_no_form_here(client: APIClient) -> None:
    answer = client.post(
        LIST,
        {"template": "a trap"},
        format="multipart",
        HTTP_ACCEPT="text/html",
        HTTP_SEC_FETCH_SITE="cross-site",
    )
    assert answer.status_code == 401
    assert "a trap" not in text(answer)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://testserver:81"])
def test_where_a_browser_only_says_the_origin_another_sites_text_is_in_no_form(
    client: APIClient, origin: str
) -> None:
    answer = client.post(
        "/api/v1/templates",
        {"template": "theirs"},
        format="multipart",
        headers={"Accept": "text/html", "Origin": origin},
    )
    assert "theirs" not in answer.content.decode()


@pytest.mark.parametrize("end", ["}", ""])
def test_no_password_is_shown_again(page: APIClient, end: str) -> None:
    body = '{"current_password": "wonderland-1", "new_password": ""' + end
    answer = page.post(PASSWORD, body, content_type="application/json")
    assert answer.status_code == 400
    assert "wonderland-1" not in answer.content.decode()


LEVELS = 28


def wide(count: int, text: str = "") -> Any:
    """Return a deep object with so many values, or a text, at its bottom."""
    value: Any = text or [[None] * 10 for _ in range(count // 11)]
    for _ in range(LEVELS):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize("value", [wide(90_000), wide(0, '"' * 900_000)])
def test_the_page_of_a_large_value_is_of_a_bounded_size(
    value: Any, page: APIClient, alice: Person
) -> None:
    template = Template.create("alice", {"template": value})
    path = f"/api/v1/templates/{template.id}"
    answer = page.get(path)
    text = answer.content.decode()
    assert (answer.status_code, len(answer.content) < 2_000_000) == (200, True)
    assert "too long to be changed in a page" in text
    assert "(the first 200,000 of " in html.unescape(text)
    assert alice.client.get(path).json()["template"] == value


def test_a_form_with_an_old_token_is_kept_with_a_new_one(page: APIClient) -> None:
    page.credentials(HTTP_X_CSRFTOKEN="x" * 32)
    answer = send(page, {"template": "Dear {name}"})
    assert answer.status_code == 403
    assert "Dear {name}" in field(answer, "template")
    token = re.search('name="csrfmiddlewaretoken" value="(.*?)"', text(answer))[1]  # type: ignore[index]
    page.credentials()
    form = {"template": "Dear {name}", "csrfmiddlewaretoken": token}
    assert send(page, form).status_code == 201


def test_an_error_that_no_serializer_raised_is_beside_its_field(page: APIClient) -> None:
    form = {"current_password": "a wrong one", "new_password": "through-the-looking-glass"}
    answer = send(page, form, PASSWORD)
    assert answer.status_code == 400
    assert "This is not your current password." in field(answer, "current_password")
    assert "aria-invalid" in field(answer, "current_password")
    assert "aria-invalid" not in field(answer, "new_password")


# --- Fields ---------------------------------------------------------------------------------------


def test_passwords_are_hidden_labelled_and_known_to_password_managers(page: APIClient) -> None:
    form = {"current_password": "a wrong one", "new_password": "through-the-looking-glass"}
    for answer in (page.get(PASSWORD), send(page, form, PASSWORD)):
        for name in form:
            shown = field(answer, name)
            assert 'type="password"' in shown
            assert f'autocomplete="{name.replace("_", "-")}"' in shown
            assert f'for="id_{name}"' in shown
            assert "value=" not in shown
        assert "a wrong one" not in text(answer)
        assert "through-the-looking-glass" not in text(answer)


@pytest.mark.parametrize(
    ("path", "name"),
    [("token/verify", "token"), ("token/refresh", "refresh_token"), ("logout", "refresh_token")],
)
def test_a_token_has_a_labelled_box(page: APIClient, path: str, name: str) -> None:
    shown = field(page.get(f"/api/v1/{path}"), name)
    assert f'for="id_{name}"' in shown
    assert 'autocomplete="off"' in shown


# --- Pages without a GET --------------------------------------------------------------------------


@pytest.mark.parametrize("path", POST_ONLY)
def test_a_page_that_only_takes_something_opens_with_what_it_does(
    page: APIClient, path: str
) -> None:
    answer = page.get(f"/api/v1/{path}")
    assert answer.status_code == 405
    shown = text(answer)
    assert "not allowed" not in shown.lower()
    assert "text-danger" not in shown
    assert "{name" not in shown
    assert f"{POST_ONLY[path]}</button>" in shown
    assert "alice" in bar(answer)


def test_pages_of_a_session_and_of_restoring_open_without_an_error(
    page: APIClient, alice: Person
) -> None:
    id = Template.create(alice.name, {"template": "x"}).id
    session = page.get("/api/v1/sessions", HTTP_ACCEPT="application/json").json()["results"][0]
    for path in (session["url"], f"{LIST}/{id}/restore"):
        answer = page.get(path)
        assert "not allowed" not in text(answer).lower()
    assert 'for="id_version"' in field(answer, "version")
    assert "End this session?" in text(page.get(session["url"]))


def test_any_other_method_that_there_is_not_is_an_error(page: APIClient) -> None:
    answer = page.put("/api/v1/users/me/password", {}, format="json")
    assert 'Method "PUT" not allowed.' in text(answer)


def test_an_import_takes_a_file(page: APIClient) -> None:
    shown = text(page.get(f"{LIST}/import"))
    assert 'type="file"' in shown
    assert 'value="application/x-ndjson"' in shown
    line = '{"template": "Dear {name}"}\n'
    answer = page.post(f"{LIST}/import", line, content_type="application/x-ndjson")
    assert answer.status_code == 200
    assert '"created": 1' in text(answer)


def test_the_page_of_a_large_import_shows_its_first_lines(page: APIClient) -> None:
    lines = "{}\n" * 1500
    answer = page.post(f"{LIST}/import", lines, content_type="application/x-ndjson")
    assert text(answer).count('"line":') == 1000
    assert "500 more, which the JSON has" in text(answer)


# --- What was done --------------------------------------------------------------------------------


def said(answer: Any) -> str:
    return re.search('<p role="status">(.*?)<', text(answer))[1]  # type: ignore[index]


def test_what_was_done_is_said(page: APIClient, alice: Person) -> None:
    id = Template.create(alice.name, {"template": "x"}).id
    created = send(page, {"template": "y"})
    assert said(created) == "The template was created. "
    assert f'<a href="http://testserver{LIST}/' in text(created)
    assert said(send(page, {"template": "z"}, f"{LIST}/{id}", "put")) == "The template was saved. "
    assert said(page.delete(f"{LIST}/{id}")).startswith("The template was deleted.")
    restored = send(page, {"version": 2}, f"{LIST}/{id}/restore")
    assert said(restored) == "The template was restored. "
    assert 'id="id_version"' not in text(restored)
    page.delete(f"{LIST}/{id}")
    assert said(page.delete(f"{LIST}/deleted")) == "The deleted templates were deleted for good."


def test_what_deletes_for_good_says_so_and_no_page_leads_to_itself(page: APIClient) -> None:
    deleted = text(page.get(f"{LIST}/deleted"))
    assert deleted.count("Delete all for good</button>") == 2
    assert "DELETE</button>" not in deleted
    assert f'href="http://testserver{LIST}/export">Export</a>' in deleted
    assert f'href="http://testserver{LIST}/deleted">Deleted</a>' not in deleted


def test_a_filters_fault_is_told_by_the_label_of_its_field(page: APIClient) -> None:
    for asked, said in (
        ("created_after=x", "Created after: Give a time such as"),
        ("kind=x&created_before=x", "Kind: Give one of"),
        ("unknown=x", "unknown: Unknown parameter"),
    ):
        shown = text(page.get(f"{LIST}?{asked}"))
        assert f'role="alert">{said}' in shown
        assert ("Correct it below" in shown) == ("unknown" not in asked)


def test_the_json_of_it_says_nothing(alice: Person) -> None:
    id = Template.create(alice.name, {"template": "x"}).id
    answer = alice.client.delete(f"{LIST}/{id}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_change_of_password_is_no_deletion(page: APIClient, alice: Person) -> None:
    form = {"current_password": alice.password, "new_password": "through-the-looking-glass"}
    answer = send(page, form, PASSWORD)
    assert said(answer) == "Your password was changed. You are logged out everywhere else."
    assert "alice" in bar(answer)


def log_out(page: APIClient, alice: Person) -> Any:
    return send(page, {}, "/api/v1/logout")


def log_out_everywhere(page: APIClient, alice: Person) -> Any:
    return send(page, {}, "/api/v1/logout/all")


def end_this_session(page: APIClient, alice: Person) -> Any:
    rows = page.get("/api/v1/sessions", HTTP_ACCEPT="application/json").json()["results"]
    return page.delete(next(row["url"] for row in rows if row["current"]))


def delete_the_account(page: APIClient, alice: Person) -> Any:
    return send(page, {"current_password": alice.password}, "/api/v1/users/me", "delete")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (log_out, "You are logged out."),
        (log_out_everywhere, "You are logged out, here and everywhere else."),
        (end_this_session, "You are logged out."),
        (delete_the_account, "Your account and everything in it were deleted."),
    ],
)
def test_the_bar_names_nobody_who_is_logged_out(
    page: APIClient, alice: Person, act: Any, words: str
) -> None:
    answer = act(page, alice)
    assert said(answer) == words
    assert "alice" not in bar(answer)
    assert "Log in" in bar(answer)
    assert page.get("/api/v1/users/me").status_code == 401


def test_the_end_of_another_session_logs_nobody_out_here(page: APIClient, alice: Person) -> None:
    rows = page.get("/api/v1/sessions", HTTP_ACCEPT="application/json").json()["results"]
    answer = page.delete(next(row["url"] for row in rows if not row["current"]))
    assert said(answer) == "The session was ended. Whoever uses it has to log in again."
    assert "alice" in bar(answer)


@pytest.mark.parametrize("path", ["token/verify", "token/refresh", "logout", ""])
def test_a_page_for_everybody_names_who_is_logged_in(page: APIClient, path: str) -> None:
    assert "alice" in bar(page.get(f"/api/v1/{path}"))


# --- Restoring ------------------------------------------------------------------------------------


def test_each_deleted_one_and_each_version_has_how_it_begins_and_a_button(
    page: APIClient, alice: Person
) -> None:
    path = send(page, {"template": "First\n of  all" + "x" * 200}).headers["Location"]
    send(page, {"template": "Second"}, path, "put")
    versions = text(page.get(f"{path}/versions"))
    begins = f"First of all{'x' * 107}…"
    assert f'<a href="{path}/versions/1">{begins}</a>' in versions
    assert f'aria-label="Restore version 1: {begins}"' in versions
    page.delete(path)
    deleted = text(page.get(f"{LIST}/deleted"))
    assert f'<a href="{path}/versions/2">Second</a>' in deleted
    assert f'<form method="post" action="{path}/restore">' in deleted
    assert '<input type="hidden" name="version" value="2">' in deleted


def test_the_json_of_the_lists_has_no_value(page: APIClient, alice: Person) -> None:
    path = send(page, {"template": "First"}).headers["Location"]
    page.delete(path)
    answer = alice.client.get(f"{LIST}/deleted")
    assert "First" not in answer.content.decode()


def test_nobody_elses_are_there(page: APIClient, bob: Person) -> None:
    Template.create(bob.name, {"template": "bob's"}).delete()
    assert "Restore</button>" not in text(page.get(f"{LIST}/deleted"))


def test_values_are_read_until_a_page_has_enough(page: APIClient, settings: Any) -> None:
    settings.MAX_PAGE_SIZE = 1024
    path = send(page, {"template": "a" * 700}).headers["Location"]
    for letter in "bcd":
        send(page, {"template": letter * 700}, path, "put")
    versions = text(page.get(f"{path}/versions"))
    assert versions.count("Restore</button>") == 3
    assert versions.count("See it</a>") == 1


# --- Deleting the account -------------------------------------------------------------------------


def test_the_account_page_says_what_a_deletion_removes(page: APIClient) -> None:
    send(page, {"template": "x"})
    shown = text(page.get("/api/v1/users/me"))
    assert "Delete your account?" in shown
    assert "all your templates, deleted ones and earlier versions included" in shown
    assert f"{LIST}/export" in shown
    assert "You keep 1 document:" in shown


@pytest.mark.parametrize("password", [None, "a wrong one", ""])
def test_a_page_deletes_no_account_without_the_password(
    page: APIClient, password: str | None
) -> None:
    form = {} if password is None else {"current_password": password}
    answer = send(page, form, "/api/v1/users/me", "delete")
    assert answer.status_code == 400
    assert "alice" in bar(answer)
    assert page.get("/api/v1/users/me").status_code == 200


def test_a_program_deletes_the_account_without_a_password(alice: Person) -> None:
    assert alice.client.delete("/api/v1/users/me").status_code == 204


# --- What has to be done first, and where to find more --------------------------------------------


def test_a_password_that_must_be_changed_is_said_on_every_page_until_it_is(alice: Person) -> None:
    alice.user.set_password("handed-over-1", must_change=True)
    page = browser("alice", "handed-over-1")
    page.defaults["HTTP_ACCEPT"] = "text/html"
    paths = ["", "templates", "sessions", "users/me", "users/me/password", "logout", "token/verify"]
    for path in paths:
        shown = text(page.get(f"/api/v1/{path}"))
        assert shown.count("You have to change your password before anything else.") == 1
    form = {"current_password": "handed-over-1", "new_password": "through-the-looking-glass"}
    answer = send(page, form, PASSWORD)
    assert "You have to change your password" not in text(answer)
    for path in paths:
        assert "You have to change your password" not in text(page.get(f"/api/v1/{path}"))


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_page_leads_to_the_docs_and_to_what_errors_mean(page: APIClient, path: str) -> None:
    shown = text(page.get(path))
    assert 'href="/api/v1/docs"' in shown
    assert 'href="/problems"' in shown
    assert '<html lang="en">' in shown
    assert "favicon.svg" in shown


def test_an_error_says_what_to_do_and_where_there_is_more(page: APIClient, alice: Person) -> None:
    Template.create(alice.name, {"template": "x"})
    answer = send(page, {"template": "x"})
    assert answer.status_code == 409
    assert "<strong>What to do:</strong>" in text(answer)
    assert f'href="/problems/{TemplateExists.default_code}">More about this error' in text(answer)


@pytest.mark.parametrize("known", problem_types().values(), ids=problem_types())
def test_what_to_do_is_one_sentence(known: Any) -> None:
    assert re.fullmatch(r".+?[.:]", known.first_step_html)


def test_what_a_deletion_means_is_said_before_it(page: APIClient, alice: Person) -> None:
    id = Template.create(alice.name, {"template": "x"}).id
    assert "You can restore it while it is among the “Deleted templates”" in text(
        page.get(f"{LIST}/{id}")
    )
    page.delete(f"{LIST}/{id}")
    assert "Delete all deleted templates for good?" in text(page.get(f"{LIST}/deleted"))


def test_after_a_deletion_the_way_to_restore_is_shown(
    page: APIClient, alice: Person, settings: Any
) -> None:
    id = Template.create(alice.name, {"template": "x"}).id
    lead = f'<a href="http://testserver{LIST}/deleted">Deleted templates</a>'
    assert lead in text(page.delete(f"{LIST}/{id}"))
    settings.HISTORY_VERSIONS = 0
    id = Template.create(alice.name, {"template": "x"}).id
    assert "You can restore it" not in text(page.get(f"{LIST}/{id}"))
    assert lead not in text(page.delete(f"{LIST}/{id}"))


# --- What the pages are called -------------------------------------------------------------------


def test_a_resources_pages_are_called_after_its_document(page: APIClient, alice: Person) -> None:
    path = f"{LIST}/{Template.create(alice.name, {'template': 'Dear {name}'}).id}"
    assert "<h1>Your templates</h1>" in text(page.get(LIST))
    one = text(page.get(path))
    assert "<h1>Template</h1>" in one
    assert "<h1>Deleted templates</h1>" in text(page.get(f"{LIST}/deleted"))
    crumbs = re.findall(r'<li.*?><a href="(.*?)".*?>(.*?)</a></li>', one)
    assert crumbs == [
        ("/api/v1/", "Templates service"),
        (f"{LIST}/", "Your templates"),
        (path, "Template"),
    ]


def test_an_import_offers_what_to_do_with_what_is_there(page: APIClient) -> None:
    offered = re.findall('<option value="(.*?)"', text(page.get(f"{LIST}/import")))
    assert offered == ["skip", "replace"]


# --- Whose it is ---------------------------------------------------------------------------------


def hidden_fields(answer: Any) -> dict[str, str]:
    """Return what the first form of a page sends beside what is typed and the CSRF token."""
    content = text(answer).partition('<main id="content">')[2]
    form = re.search('<form [^>]*method="post".*?</form>', content, re.S)
    assert form
    found = dict(re.findall('type="hidden" name="(.*?)" value="(.*?)"', form[0]))
    del found["csrfmiddlewaretoken"]  # a header has it
    return found


def become(page: APIClient, person: Person) -> None:
    """Log in as somebody else in another tab; the page's script takes over the new token."""
    page.cookies = browser(person.name, person.password).cookies
    page.credentials(HTTP_X_CSRFTOKEN=page.cookies["csrftoken"].value)


@pytest.mark.parametrize("is_ended", [False, True], ids=["at once", "after the session ended"])
def test_what_one_person_typed_is_not_sent_as_another_without_a_word(
    is_ended: bool, page: APIClient, alice: Person, bob: Person
) -> None:
    form = {"template": "Dear {name}", **hidden_fields(page.get(LIST))}
    if is_ended:
        alice.user.end_sessions()
        ended = send(page, form)
        assert ended.status_code == 401
        form |= hidden_fields(ended)
    become(page, bob)
    refused = send(page, form)
    assert refused.status_code == 409
    assert "You opened this page as alice and are logged in as bob now" in text(refused)
    assert "Dear {name}" in field(refused, "template")
    assert "bob" in bar(refused)
    assert Template.objects.count() == 0
    assert send(page, form | hidden_fields(refused)).status_code == 201
    assert Template.objects.of("bob").count() == 1


def test_the_longest_text_is_kept_when_it_is_asked_whose_it_is(
    page: APIClient, bob: Person
) -> None:
    form = {"template": "x" * 100_000, **hidden_fields(page.get(LIST))}
    become(page, bob)
    refused = send(page, form)
    assert (refused.status_code, form["template"] in text(refused)) == (409, True)


def test_a_form_of_another_account_is_refused_after_a_csrf_failure(
    page: APIClient, bob: Person
) -> None:
    form = {"template": "Dear {name}", **hidden_fields(page.get(LIST))}
    become(page, bob)
    page.credentials(HTTP_X_CSRFTOKEN="x" * 32)
    refused = send(page, form)
    assert refused.status_code == 403
    become(page, bob)
    assert send(page, form | hidden_fields(refused)).status_code == 409


@pytest.mark.parametrize("method", ["put", "delete"])
def test_what_a_script_sends_for_another_account_is_refused(
    method: str, page: APIClient, alice: Person, bob: Person
) -> None:
    id = Template.create(bob.name, {"template": "x"}).id
    become(page, bob)
    script = {"X-Account": "alice"}
    answer = getattr(page, method)(f"{LIST}/{id}", {"template": "y"}, headers=script, format="json")
    assert answer.status_code == 409
    script = {"X-Account": "bob"}
    answer = getattr(page, method)(f"{LIST}/{id}", {"template": "y"}, headers=script, format="json")
    assert answer.status_code in (200, 204)


def test_a_name_with_any_character_is_known_again() -> None:
    name = "zoë & co/%41"
    log_in(name, "wonderland-1")
    page = browser(name, "wonderland-1")
    page.defaults["HTTP_ACCEPT"] = "text/html"
    form = {"template": "x", **hidden_fields(page.get(LIST))}
    assert send(page, form).status_code == 201


def test_whoever_comes_first_restores(page: APIClient, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "one"})
    path = f"{LIST}/{template.id}"
    alice.client.put(path, {"template": "two"})
    form = {"version": 1, **hidden_fields(page.get(f"{path}/versions"))}
    alice.client.put(path, {"template": "three"})
    refused = send(page, form, f"{path}/restore")
    assert refused.status_code == 412
    assert alice.client.get(path).json()["template"] == "three"
    again = {"version": 1, **hidden_fields(refused)}
    assert send(page, again, f"{path}/restore").status_code == 200


def test_what_was_restored_meanwhile_is_not_restored_again(page: APIClient, alice: Person) -> None:
    path = f"{LIST}/{Template.create(alice.name, {'template': 'one'}).id}"
    alice.client.delete(path)
    form = {"version": 1, **hidden_fields(page.get(f"{LIST}/deleted"))}
    alice.client.post(f"{path}/restore", {"version": 1})
    alice.client.put(path, {"template": "two"})
    assert send(page, form, f"{path}/restore").status_code == 412
    assert alice.client.get(path).json()["template"] == "two"


# --- How long it took ---------------------------------------------------------------------------


@pytest.mark.wire
def test_what_took_longer_than_a_request_waits_for_the_store_is_told_as_done(
    page: APIClient, meanwhile: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Any = SimpleNamespace(monotonic=lambda: time.monotonic() + 100)
    # The last that an import does itself.
    meanwhile("after", "delete", "leases", lambda: monkeypatch.setattr(_csot, "time", clock))
    lines = b'{"template": "%s"}\n' % (b"x" * LARGE_BODY)
    answer = page.post(f"{LIST}/import", lines, content_type="application/x-ndjson")
    assert _csot.time is clock
    assert answer.status_code == 200, text(answer)
    assert '"created": 1' in text(answer)
