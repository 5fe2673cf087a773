"""/api-auth/register, the page on which people register"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from accounts.limits import Attempts
from templatesvc.rates import Rate
from templatesvc.settings import STRICT_PASSWORD_VALIDATORS
from tests.conftest import Person

pytestmark = pytest.mark.store

PAGE = "/api-auth/register"
CAROL = {"username": "carol", "password": "sings-carols-3", "again": "sings-carols-3"}


@pytest.fixture
def browser() -> APIClient:
    return APIClient(HTTP_ACCEPT="text/html")


def sent(browser: APIClient, **fields: str) -> Any:
    return browser.post(PAGE, CAROL | fields, format="multipart")


def errors(answer: Any) -> list[str]:
    """Return what the page says is wrong, in order."""
    found = re.findall(r'alert"[^>]*>(.*?)</div>', answer.content.decode(), re.DOTALL)
    return [re.sub(r"<[^>]*>", "", error).strip() for error in found]


def test_whoever_registers_is_logged_in(browser: APIClient) -> None:
    answer = sent(browser)

    assert answer.status_code == 302
    assert answer["Location"] == "/api/v1"
    me = browser.get("/api/v1/users/me", HTTP_ACCEPT="application/json").json()
    assert me["username"] == "carol"
    assert me["last_login"]
    assert Session.objects.count() == 1
    assert [entry.action for entry in AuditEntry.objects] == ["registered", "logged_in"]


def test_the_password_is_that_of_the_api(browser: APIClient) -> None:
    sent(browser)

    body = {"username": "carol", "password": CAROL["password"]}
    assert APIClient().post("/api/v1/login", body, format="json").status_code == 200


def test_it_leads_to_where_somebody_wanted_to_go_and_to_no_other_site(browser: APIClient) -> None:
    wanted = browser.get(f"{PAGE}?next=/api/v1/templates")
    assert 'name="next" value="/api/v1/templates"' in wanted.content.decode()
    assert sent(browser, next="/api/v1/templates")["Location"] == "/api/v1/templates"
    assert sent(browser, username="dave", next="https://example.org/")["Location"] == "/api/v1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": ""}, "This field is required."),
        ({"username": "c" * 151}, "Ensure this field has no more than 150 characters."),
        ({"username": "car\nol"}, "Control characters are not allowed."),
        ({"username": "alice"}, "Username already exists"),
        ({"password": ""}, "This field is required."),
        ({"again": "else"}, "The two passwords are not the same."),
        (
            {"password": "p" * 129, "again": "p" * 129},
            "Ensure this field has no more than 128 characters.",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_at_its_field(
    fields: dict[str, str], said: str, browser: APIClient, alice: Person
) -> None:
    answer = sent(browser, **fields)

    assert said in errors(answer)
    assert User.objects.count() == 1
    assert CAROL["password"] not in answer.content.decode()


def test_the_policy_is_said_before_and_applied(browser: APIClient, settings: LazySettings) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = STRICT_PASSWORD_VALIDATORS
    assert "must contain at least 8 characters" in browser.get(PAGE).content.decode()

    (said,) = errors(sent(browser, password="1234", again="1234"))
    assert "too short" in said
    assert User.objects.count() == 0


def test_it_counts_as_registrations_by_the_api_do(
    browser: APIClient, client: APIClient, settings: LazySettings
) -> None:
    settings.REGISTRATION_LIMIT = Rate.parse("2/1h")
    body = {"username": "dave", "password": CAROL["password"]}
    assert client.post("/api/v1/users", body, format="json").status_code == 201
    assert errors(sent(browser, username="dave")) == ["Username already exists"]
    assert errors(sent(browser))[0].startswith("Too many attempts.")
    assert User.named("carol") is None


def test_what_is_refused_at_a_field_costs_neither_a_hash_nor_a_count(
    browser: APIClient, settings: LazySettings
) -> None:
    settings.REGISTRATION_LIMIT = Rate.parse("2/1h")
    settings.PASSWORD_HASHERS = []  # whatever hashes fails
    for fields in ({"again": "else"}, {"username": "c" * 151}):
        assert errors(sent(browser, **fields))
    assert Attempts.objects.count() == 0


def test_a_form_of_another_site_registers_nobody() -> None:
    strict = APIClient(enforce_csrf_checks=True, HTTP_ACCEPT="text/html")
    assert sent(strict).status_code == 403
    assert User.objects.count() == 0


@pytest.mark.parametrize("page", [PAGE, "/api-auth/login"])
def test_a_page_takes_forms_by_post_alone(page: str, browser: APIClient) -> None:
    answer = browser.put(page, CAROL)
    assert answer.status_code == 405
    for allow in (answer["Allow"], browser.options(page)["Allow"]):
        assert set(allow.split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
