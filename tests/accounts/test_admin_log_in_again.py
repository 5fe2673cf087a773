"""What an operator was typing when the session ended stays, and is saved only when they say so."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from accounts.documents import User
from templates_app.documents import Template
from tests.accounts.operators import PASSWORD, browser_of, operator, page_of, text
from tests.conftest import Person

NEW = {"username": "root", "password": PASSWORD}


@pytest.fixture
def browser() -> Client:
    return browser_of(operator("root"))


@pytest.fixture
def template(alice: Person) -> Template:
    return Template.create(alice.name, {"template": "First"})


def hidden(answer: Any) -> dict[str, str]:
    """Return the hidden fields of a page."""
    fields = re.findall(
        r'<input type="hidden" name="([^"]*)" value="([^"]*)"', answer.content.decode()
    )
    return {name: html.unescape(value) for name, value in fields}


def end_sessions() -> None:
    root = User.named("root")
    assert root
    root.end_sessions()


def sent_late(browser: Client, path: str, form: dict[str, str]) -> Any:
    """Send a form after the session has ended, log in and continue; return the page that comes."""
    end_sessions()
    asking = browser.post(path, form)
    assert "You have been logged out." in text(asking)
    wrong = browser.post("/admin/login", hidden(asking) | NEW | {"password": "wrong"})
    again = browser.post("/admin/login", hidden(wrong) | NEW)
    assert "Nothing has been saved yet." in text(again)
    (url,) = re.findall(r'<form method="post" action="([^"]*)"', again.content.decode())
    assert html.unescape(url) == path
    return browser.post(path, hidden(again))


def test_what_was_typed_stands_in_the_form_again(browser: Client, template: Template) -> None:
    path = page_of(template)
    typed = {"kind": "text", "template": "\n Dear <b>&amp;\r\n", "reason": "she asked"}
    form = typed | {"_state": browser.get(path).context["state"]}
    page = sent_late(browser, path, form)
    assert page.status_code == 200
    assert {name: page.context["form"][name].value() for name in typed} == typed
    assert Template.objects(id=template.id).first().template == "First"
    assert browser.post(path, form).status_code == 302
    assert Template.objects(id=template.id).first().template == "\n Dear <b>&amp;\n"


def test_what_somebody_saved_meanwhile_is_still_noticed(
    browser: Client, template: Template, alice: Person
) -> None:
    path = page_of(template)
    form = {"kind": "text", "template": "Mine", "reason": "she asked"}
    form |= {"_state": browser.get(path).context["state"]}
    alice.client.put(f"/api/v1/templates/{template.id}", {"template": "Hers"})
    page = sent_late(browser, path, form)
    answer = browser.post(path, form | {"_state": page.context["state"]})
    assert "alice, the owner, saved" in text(answer)


def test_an_act_asks_again(browser: Client, template: Template) -> None:
    path = page_of(template, "delete")
    page = sent_late(browser, path, {"post": "yes", "reason": "spam"})
    assert page.context["form"]["reason"].value() == "spam"
    assert Template.objects(id=template.id).first()


def test_a_restoration_asks_again(browser: Client, template: Template) -> None:
    Template.objects.of("alice").filter(id=template.id).replace({"template": "Second"})
    path = page_of(template, "version", 1)
    state = browser.get(path).context["state"]
    page = sent_late(browser, path, {"_state": state, "reason": "she asked"})
    assert page.context["form"]["reason"].value() == "she asked"
    assert Template.objects(id=template.id).first().template == "Second"


def test_a_new_user_is_not_made_without_their_password(browser: Client) -> None:
    path = "/admin/accounts/user/add"
    page = sent_late(browser, path, {"username": "carol", "password": "carols-own-1"})
    assert page.context["form"]["username"].value() == "carol"
    assert page.context["form"].errors.keys() == {"password"}
    assert User.named("carol") is None


def test_a_password_is_not_sent_back(browser: Client, alice: Person) -> None:
    end_sessions()
    path = page_of(alice.user, "set_password")
    answer = browser.post(path, {"post": "yes", "password": "from-root-1"})
    assert "from-root-1" not in answer.content.decode()


def test_another_site_can_not_have_something_typed(alice: Person) -> None:
    answer = Client(enforce_csrf_checks=True).post(page_of(alice.user, "erase"), {"name": "alice"})
    assert answer.status_code == 403


# --- A page whose token is an old one -------------------------------------------------------------


@pytest.fixture
def careful() -> Client:
    """Root's browser, of which the service checks the tokens of forms."""
    return browser_of(operator("root"), enforce_csrf_checks=True)


def test_after_a_log_in_in_another_tab_what_was_typed_goes_on(
    careful: Client, template: Template
) -> None:
    path = f"{page_of(template)}?_changelist_filters=q%3Da"
    typed = {"kind": "text", "template": "Second", "reason": "she asked"}
    form = typed | {"_state": careful.get(path).context["state"], "csrfmiddlewaretoken": "x" * 32}
    asking = careful.post(path, form)
    assert asking.status_code == 403
    assert "Log out" in text(asking)
    kept = hidden(asking)
    assert typed.items() <= kept.items()
    shown = careful.post(path, kept)
    assert shown.status_code == 200
    assert "Second" in text(shown)
    assert Template.objects(id=template.id).first().template == "First"
    again = hidden(shown) | typed
    assert careful.post(path, again).headers["Location"] == path
    assert Template.objects(id=template.id).first().template == "Second"


def test_after_the_session_has_ended_as_well_the_log_in_page_keeps_it(
    careful: Client, template: Template
) -> None:
    end_sessions()
    asking = careful.post(page_of(template), {"template": "Second", "reason": "x"})
    assert asking.status_code == 403
    assert "You have been logged out." in text(asking)
    assert "template=Second" in hidden(asking)["typed"]


def test_nothing_is_kept_of_what_another_site_sends(careful: Client, template: Template) -> None:
    form = {"template": "Second", "reason": "x"}
    answer = careful.post(page_of(template), form, HTTP_ORIGIN="https://evil.example")
    assert answer.status_code == 403
    assert "Second" not in answer.content.decode()
    assert "evil.example does not match any trusted origins" in text(answer)


@pytest.mark.parametrize("page", ["login", "logout", "password_change"])
def test_pages_that_keep_nothing_lead_back(careful: Client, page: str) -> None:
    answer = careful.post(f"/admin/{page}", {"username": "root", "new_password": "secret"})
    assert answer.status_code == 403
    assert f'<a href="/admin/{page}">Open the page again</a>' in answer.content.decode()
    assert "secret" not in answer.content.decode()


def test_more_fields_than_a_form_may_have_are_not_kept(browser: Client) -> None:
    typed = "&".join(f"f{number}=" for number in range(5000))
    answer = browser.post("/admin/login", NEW | {"typed": typed, "next": "/admin/"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
