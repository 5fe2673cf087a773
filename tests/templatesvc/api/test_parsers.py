"""What reading a body costs, and what comes of one that nobody expects."""

from __future__ import annotations

import pytest
from django.middleware.csrf import _get_new_csrf_string
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from templatesvc.api.parsers import unique_members
from tests.conftest import Person
from tests.wsgi import answered, environ

FORM = "application/x-www-form-urlencoded"


class Name(str):
    """A key that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("keys", [1_000, 4_000])
def test_a_repeated_key_is_found_without_comparing_all_with_all(keys: int) -> None:
    Name.compared = 0
    pairs = [(Name(number), 1) for number in [*range(keys), keys - 1]]
    with pytest.raises(ParseError, match=f'"{keys - 1}" is given twice'):
        unique_members(pairs)
    assert Name.compared < 10 * keys


@pytest.mark.parametrize("path", ["/api/v1/token/verify", "/api-auth/login", "/admin/login"])
@pytest.mark.parametrize("unit", ["%", "%41", "%zz"])
def test_a_form_of_escapes_alone_is_too_large(path: str, unit: str) -> None:
    form = ("token=" + unit * 600_000).encode()
    token = _get_new_csrf_string()
    headers = {"Cookie": f"csrftoken={token}", "X_CSRFToken": token}
    answer = answered(environ("POST", path, form, FORM, **headers))
    assert answer.status == 413


@pytest.mark.parametrize("path", ["/api/v1/token/verify", "/api/v1/token/refresh", "/api/v1/login"])
def test_half_a_surrogate_is_refused_on_a_page_as_well(path: str, alice: Person) -> None:
    body = (
        '{"token": "\\ud800", "refresh_token": "\\ud800", "username": "\\ud800", "password": "x"}'
    )
    for client in (alice.client, APIClient(raise_request_exception=False)):
        answer = client.post(path, body, content_type="application/json", HTTP_ACCEPT="text/html")
        assert 400 <= answer.status_code < 500


def test_what_was_typed_is_indented_unless_it_would_be_all_blanks(alice: Person) -> None:
    body = '{"template": ' + "[" * 900 + "]" * 900 + "}"
    url = "/api/v1/templates"
    answer = alice.client.post(url, body, content_type="application/json", HTTP_ACCEPT="text/html")
    assert answer.status_code == 400
    assert len(answer.content) < 100_000
