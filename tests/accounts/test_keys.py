"""The keys that sign tokens: of every kind, changed without logging anybody out, and public."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.keys import Key
from tests.accounts.callers import claims, me, refresh, tokens_of, verify
from tests.accounts.test_checks import ED25519, RSA, private, public
from tests.conftest import Person
from tests.processes import Service

SECRET, OTHER = "a secret of thirty-two bytes or more", "another secret of as many bytes or more"
KINDS = {"HS256": SECRET, "RS256": private(RSA), "EdDSA": private(ED25519)}


@pytest.fixture(params=KINDS)
def algorithm(request: pytest.FixtureRequest, settings: Settings) -> str:
    settings.JWT_SECRET_KEY = KINDS[request.param]
    return request.param


def jwks() -> dict[str, Any]:
    answer = APIClient().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    return answer.json()


def test_a_token_of_each_kind_lets_in_and_names_its_key(alice: Person, algorithm: str) -> None:
    tokens = tokens_of("alice", alice.password)
    header = jwt.get_unverified_header(tokens["access_token"])
    assert (header["alg"], header["kid"]) == (algorithm, Key(KINDS[algorithm]).id)
    assert me(tokens["access_token"]) == 200
    assert refresh(tokens["refresh_token"]).status_code == 200


def test_a_token_says_who_made_it_for_whom_and_when(alice: Person, settings: Settings) -> None:
    settings.JWT_ISSUER, settings.JWT_AUDIENCE = "https://templates.example.org", "books"
    tokens = tokens_of("alice", alice.password)
    for kind, lifetime in (("access", 1), ("refresh", 14)):
        held = claims(tokens[f"{kind}_token"])
        assert (held["iss"], held["aud"]) == ("https://templates.example.org", "books")
        assert (held["sub"], held["type"]) == ("alice", kind)
        seconds = timedelta(days=lifetime).total_seconds()
        assert abs(held["exp"] - held["iat"] - seconds) <= 1
        assert held["jti"]
    assert claims(tokens["access_token"])["jti"] != claims(tokens["refresh_token"])["jti"]


# --- Changing keys --------------------------------------------------------------------------------


@pytest.mark.parametrize("new", [*KINDS, "another secret"])
@pytest.mark.parametrize("old", ["HS256", "RS256"])
def test_a_key_is_changed_without_logging_anybody_out(
    alice: Person, settings: Settings, old: str, new: str
) -> None:
    settings.JWT_SECRET_KEY = KINDS[old]
    before = tokens_of("alice", alice.password)

    settings.JWT_SECRET_KEY = (KINDS | {old: OTHER, "another secret": OTHER})[new]
    assert me(before["access_token"]) == verify(before["refresh_token"]) == 401

    settings.JWT_PREVIOUS_KEYS = [OTHER * 2, KINDS[old]]
    assert me(before["access_token"]) == verify(before["refresh_token"]) == 200
    after = refresh(before["refresh_token"]).json()

    # Whoever has refreshed needs the old key no more.
    settings.JWT_PREVIOUS_KEYS = []
    assert me(after["access_token"]) == verify(after["refresh_token"]) == 200
    assert me(before["access_token"]) == 401
    assert claims(after["access_token"])["sid"] == claims(before["access_token"])["sid"]


def test_a_previous_key_may_be_its_public_half(alice: Person, settings: Settings) -> None:
    settings.JWT_SECRET_KEY = KINDS["RS256"]
    token = tokens_of("alice", alice.password)["access_token"]
    settings.JWT_SECRET_KEY, settings.JWT_PREVIOUS_KEYS = KINDS["EdDSA"], [public(RSA)]
    assert me(token) == 200


def test_an_ended_session_stays_ended_whatever_key_is_taken(
    alice: Person, settings: Settings
) -> None:
    settings.JWT_SECRET_KEY = KINDS["RS256"]
    tokens = tokens_of("alice", alice.password)
    alice.user.end_sessions()
    settings.JWT_SECRET_KEY, settings.JWT_PREVIOUS_KEYS = SECRET, [KINDS["RS256"]]
    assert me(tokens["access_token"]) == verify(tokens["refresh_token"]) == 401


@pytest.mark.parametrize("kid", ["RSA's", "the secret's", "none", "a number", "a path"])
def test_a_public_key_is_no_secret_whatever_the_token_says(
    alice: Person, settings: Settings, kid: str
) -> None:
    """The classical confusion: signed with HMAC and the public key (RFC 8725, section 2.1)."""
    settings.JWT_SECRET_KEY, settings.JWT_PREVIOUS_KEYS = KINDS["RS256"], [SECRET]
    held = claims(tokens_of("alice", alice.password)["access_token"])
    header: dict[str, Any] = {
        "RSA's": {"kid": Key(KINDS["RS256"]).id},
        "the secret's": {"kid": Key(SECRET).id},
        "none": {},
        "a number": {"kid": 1},
        "a path": {"kid": "../../dev/null"},
    }[kid]
    for text in (public(RSA), public(RSA).strip(), ""):
        forged = _hmac(held, text, header)
        assert me(forged) == 401
    signed = jwt.encode(held, SECRET, "HS256", headers={"kid": Key(SECRET).id})
    assert me(signed) == 200  # so that the forged ones were refused for their key


def _hmac(held: dict[str, Any], key: str, header: dict[str, Any]) -> str:
    """Sign past PyJWT, which refuses to use a public key so."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = encoded(json.dumps({"alg": "HS256", "typ": "JWT"} | header).encode())
    body = f"{head}.{encoded(json.dumps(held).encode())}"
    return f"{body}.{encoded(hmac.digest(key.encode(), body.encode(), hashlib.sha256))}"


# --- Public keys ----------------------------------------------------------------------------------


def test_a_secret_is_not_published(settings: Settings) -> None:
    settings.JWT_SECRET_KEY, settings.JWT_PREVIOUS_KEYS = SECRET, [OTHER]
    assert jwks() == {"keys": []}


def test_what_is_published_is_public_and_of_each_key_that_verifies(settings: Settings) -> None:
    settings.JWT_SECRET_KEY = KINDS["EdDSA"]
    settings.JWT_PREVIOUS_KEYS = [SECRET, KINDS["RS256"]]
    first, second = jwks()["keys"]
    assert set(first) == {"kty", "crv", "x", "kid", "use", "alg", "key_ops"}
    assert set(second) == {"kty", "n", "e", "kid", "use", "alg", "key_ops"}
    assert (first["alg"], second["alg"]) == ("EdDSA", "RS256")
    assert (first["use"], first["key_ops"]) == ("sig", ["verify"])


def test_a_key_is_called_by_its_thumbprint(settings: Settings) -> None:
    settings.JWT_SECRET_KEY = KINDS["RS256"]
    (published,) = jwks()["keys"]
    # RFC 7638, section 3: the members that there must be, in order, without spaces.
    required = {name: published[name] for name in ("e", "kty", "n")}
    members = json.dumps(required, separators=(",", ":"))
    digest = hashlib.sha256(members.encode()).digest()
    assert published["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert published["kid"] == Key(public(RSA)).id


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/jwk-set+json"])
def test_the_keys_are_answered_to_whatever_is_accepted(settings: Settings, accept: str) -> None:
    settings.JWT_SECRET_KEY = KINDS["EdDSA"]
    answer = APIClient().get("/.well-known/jwks.json", HTTP_ACCEPT=accept)
    assert answer.status_code == 200
    assert answer.json()["keys"][0]["kid"] == Key(KINDS["EdDSA"]).id


@pytest.mark.parametrize("kind", ["RS256", "EdDSA"])
@pytest.mark.wire
def test_a_third_party_verifies_tokens_by_what_it_fetches(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(KINDS[kind])
    given = {"MONGODB_URI": django_settings.MONGODB_URI, "JWT_SECRET_KEY_FILE": str(file)}
    with Service(tmp_path / "log", WEB_CONCURRENCY="1", **given) as service:
        token = service.log_in("alice")
        there = jwt.PyJWKClient(f"http://127.0.0.1:{service.port}/.well-known/jwks.json")
        key = there.get_signing_key_from_jwt(token)
    read = jwt.decode(token, key, algorithms=[kind], audience="templatesvc", issuer="templatesvc")
    assert read["sub"] == "alice"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token[:-8] + "AAAAAAAA", key, algorithms=[kind], audience="templatesvc")
