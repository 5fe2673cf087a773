"""What stands in the ``Authorization`` header."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required
from rest_framework.test import APIClient

from templatesvc.api.credentials import bearer_token
from tests.answers import there
from tests.conftest import Person

TAKEN = [
    "Bearer {}",
    "bearer {}",
    "BEARER {}",
    "Bearer   {}",
    "Bearer\t{}  ",
    "  Bearer {}",
    "Bearer {},",
    ", Bearer {}",
    "Basic dXNlcjpwYXNz, Bearer {}",
    "Bearer {}, Basic dXNlcjpwYXNz",
    "Bearer {},Digest username=a",
]
REFUSED = ["Bearer", "Bearer a b", "Bearer {}, Bearer {}", "bearer {},BEARER {}", "Bearer {} {}"]
NO_BEARER = ["", " ", "Basic dXNlcjpwYXNz", "{}", "Token {}", "Bearer:{}", "Bearer{}", ",", ", ,"]


@pytest.mark.parametrize("header", TAKEN)
def test_the_token_is_found_in_whatever_case_and_company(header: str, alice: Person) -> None:
    assert bearer_token(header.replace("{}", "a.b.c")) == "a.b.c"
    given = header.replace("{}", alice.tokens["access_token"])
    client = APIClient(headers={"Authorization": given})
    for path in (*there("/get"), "/api/v1/templates", "/api/v1/users/me"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("header", REFUSED)
def test_a_header_with_no_token_or_with_several_is_refused(header: str, alice: Person) -> None:
    header = header.replace("{}", alice.tokens["access_token"])
    with pytest.raises(ValueError, match="Send Authorization: Bearer, a space, and the token"):
        bearer_token(header)
    assert APIClient(headers={"Authorization": header}).get("/api/v1/templates").status_code == 401


@pytest.mark.parametrize("header", NO_BEARER)
def test_other_credentials_are_as_none(header: str) -> None:
    assert bearer_token(header.replace("{}", "a.b.c")) is None


@pytest.fixture(scope="module")
def flask() -> Iterator[Flask]:
    """Flask-JWT-Extended, which reads the header for the Flask service."""
    app = Flask(__name__)
    app.config["JWT_SECRET_KEY"] = "k" * 32
    JWTManager(app)
    app.get("/")(jwt_required()(get_jwt_identity))
    with app.app_context():
        given = {"Authorization": f"Bearer {create_access_token('alice')}"}
        assert app.test_client().get("/", headers=given).status_code == 200
        yield app


@pytest.mark.parametrize("header", TAKEN + REFUSED + NO_BEARER)
def test_what_the_flask_service_takes_is_taken(header: str, flask: Flask) -> None:
    given = {"Authorization": header.replace("{}", create_access_token("alice"))}
    if flask.test_client().get("/", headers=given).status_code == 200:
        assert header in TAKEN
