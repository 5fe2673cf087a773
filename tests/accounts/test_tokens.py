"""Bearer tokens of every wrong kind, on old routes and new."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.exceptions import TokenBackendError

from accounts.documents import User
from accounts.keys import key_ring
from templates_app.documents import Template
from tests.answers import there, told
from tests.conftest import Person, log_in

ROUTES = [
    *(("GET", path) for path in there("/get")),
    *(("POST", path) for path in there("/create", "/update", "/delete")),
    ("GET", "/api/v1/templates"),
    ("POST", "/api/v1/templates"),
    ("GET", "/api/v1/templates/65f0a0a0a0a0a0a0a0a0a0a0"),
    ("PUT", "/api/v1/templates/65f0a0a0a0a0a0a0a0a0a0a0"),
    ("PATCH", "/api/v1/templates/65f0a0a0a0a0a0a0a0a0a0a0"),
    ("DELETE", "/api/v1/templates/65f0a0a0a0a0a0a0a0a0a0a0"),
    ("GET", "/api/v1/users/me"),
    ("DELETE", "/api/v1/users/me"),
]
HEADER_OF_BRACKETS = base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("=")


def claims_of(person: Person) -> dict[str, Any]:
    return jwt.decode(person.tokens["access_token"], options={"verify_signature": False})


def signed(claims: dict[str, Any], **header: Any) -> str:
    """Return a token that is signed as the service signs its own, whatever it claims."""
    key = key_ring().keys[0]
    # PyJWT checks the claims that it encodes: JWS signs any payload.
    payload = jwt.api_jwt.json.dumps(claims).encode()
    return jwt.api_jws.encode(
        payload, key.signing, key.algorithm, headers={"kid": key.id, "typ": "JWT"} | header
    )


def claiming(**changes: Any) -> Callable[[Person, Person], str]:
    """Return the maker of alice's token with some claims changed; ``...`` takes one away."""

    def make(alice: Person, bob: Person) -> str:
        claims = claims_of(alice) | changes
        return signed({name: value for name, value in claims.items() if value is not ...})

    return make


def of_key(key: str, algorithm: str = "HS256") -> Callable[[Person, Person], str]:
    def make(alice: Person, bob: Person) -> str:
        header = {"kid": key_ring().keys[0].id}
        return jwt.encode(claims_of(alice), key, algorithm, headers=header)

    return make


def _unsigned(alice: Person, bob: Person) -> str:
    return jwt.encode(claims_of(alice), None, "none", headers={"kid": key_ring().keys[0].id})


def _signature_of_bobs(alice: Person, bob: Person) -> str:
    head, claims, _ = alice.tokens["access_token"].split(".")
    return ".".join((head, claims, bob.tokens["access_token"].split(".")[2]))


def _session_of_bob(alice: Person, bob: Person) -> str:
    return signed(claims_of(alice) | {"sid": claims_of(bob)["sid"]})


def _deleted(alice: Person, bob: Person) -> str:
    alice.user.delete()
    return str(alice.tokens["access_token"])


def _inactive(alice: Person, bob: Person) -> str:
    User.objects(username="alice").update_one(set__is_active=False)
    return str(alice.tokens["access_token"])


def _of_another_version(alice: Person, bob: Person) -> str:
    User.objects(username="alice").update_one(set__token_version="another")
    return str(alice.tokens["access_token"])


WRONG: dict[str, Callable[[Person, Person], str]] = {
    "unsigned, alg none": _unsigned,
    "alg none by name, signature kept": lambda alice, bob: ".".join(
        [
            base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("="),
            *alice.tokens["access_token"].split(".")[1:],
        ]
    ),
    "another key": of_key(secrets.token_hex(32)),
    "a guessed key": of_key("k" * 32),
    "another algorithm": of_key(settings.JWT_SECRET_KEY, "HS384"),
    "another token's signature": _signature_of_bobs,
    "another type: refresh": lambda alice, bob: str(alice.tokens["refresh_token"]),
    "another type by claim": claiming(type="sliding"),
    "no type": claiming(type=...),
    "a type that is a list": claiming(type=["access"]),
    "a deleted user's": _deleted,
    "an inactive user's": _inactive,
    "an ended version's": _of_another_version,
    "sub missing": claiming(sub=...),
    "sub null": claiming(sub=None),
    "sub a number": claiming(sub=1),
    "sub a number as text": claiming(sub="1"),
    "sub empty": claiming(sub=""),
    "sub an object": claiming(sub={"$ne": None}),
    "sub a list": claiming(sub=["alice"]),
    "sub true": claiming(sub=True),
    "sub another user's name": claiming(sub="bob"),
    "sub nobody's name": claiming(sub="nobody"),
    "sub in another case": claiming(sub="Alice"),
    "sid missing": claiming(sid=...),
    "sid null": claiming(sid=None),
    "sid a number": claiming(sid=7),
    "sid an object": claiming(sid={"$ne": None}),
    "sid a list": claiming(sid=["a"]),
    "sid empty": claiming(sid=""),
    "sid garbage": claiming(sid="garbage"),
    "sid of nothing": claiming(sid="0" * 32),
    "sid with a line's end": lambda alice, bob: signed(
        claims_of(alice) | {"sid": claims_of(alice)["sid"] + "\n"}
    ),
    "sid another's": _session_of_bob,
    "exp missing": claiming(exp=...),
    "exp null": claiming(exp=None),
    "exp a text": claiming(exp="tomorrow"),
    "exp a number as a text": claiming(exp="4102444800"),
    "exp a truth": claiming(exp=True),
    "exp an object": claiming(exp={}),
    "exp a list": claiming(exp=[]),
    "exp infinite": claiming(exp=float("inf")),
    "exp not a number": claiming(exp=float("nan")),
    "exp beyond any calendar": claiming(exp=1e30),
    "exp an integer beyond any calendar": claiming(exp=10**30),
    "exp an integer of 400 digits": claiming(exp=10**400),
    "exp in the year 10000": claiming(exp=253_402_300_800),
    "exp negative": claiming(exp=-1),
    "exp in the past": claiming(exp=1),
    "iat a text": claiming(iat="yesterday"),
    "iat infinite": claiming(iat=float("inf")),
    "iat missing": claiming(iat=...),
    "nbf in the future": claiming(nbf=4_000_000_000),
    "nbf a text": claiming(nbf="later"),
    "jti missing": claiming(jti=...),
    "jti a number": claiming(jti=1),
    "jti an object": claiming(jti={"$ne": None}),
    "another issuer": claiming(iss="somebody"),
    "another audience": claiming(aud="somebody"),
    "an audience that is a number": claiming(aud=1),
    "an audience that is null": claiming(aud=None),
    "an audience that is empty": claiming(aud=""),
    "an audience that is a list": claiming(aud=["templatesvc"]),
    "no audience and no issuer": claiming(aud=..., iss=...),
    "no audience and another issuer": claiming(aud=..., iss="somebody"),
    "no audience and no session": claiming(aud=..., sid=...),
    "no audience and a session of nothing": claiming(aud=..., sid="0" * 32),
    "no audience and no type": claiming(aud=..., type=...),
    "no audience and no key": lambda alice, bob: jwt.encode(
        {name: value for name, value in claims_of(alice).items() if name != "aud"},
        settings.JWT_SECRET_KEY,
        "HS256",
    ),
    "padding": lambda alice, bob: alice.tokens["access_token"] + "=",
    "padding inside": lambda alice, bob: alice.tokens["access_token"].replace(".", "=."),
    "base64 with other letters": lambda alice, bob: (
        alice.tokens["access_token"].replace("-", "+").replace("_", "/") + "=="
    ),
    "a header of brackets": lambda alice, bob: f"{HEADER_OF_BRACKETS}.e30.e30",
    "claims of brackets": lambda alice, bob: ".".join(
        [alice.tokens["access_token"].split(".")[0], HEADER_OF_BRACKETS, "e30"]
    ),
    "a header that is a list": lambda alice, bob: "W10.e30.e30",
    "a header of nothing": lambda alice, bob: "e30.e30.e30",
    "an unknown critical header": lambda alice, bob: signed(claims_of(alice), crit=["x"], x=1),
    "kid of nothing": lambda alice, bob: signed(claims_of(alice), kid="nothing"),
    "claims that are a list": lambda alice, bob: signed([claims_of(alice)]),  # type: ignore[arg-type]
    "claims that are null": lambda alice, bob: signed(None),  # type: ignore[arg-type]
    "one segment": lambda alice, bob: "garbage",
    "two segments": lambda alice, bob: "a.b",
    "three segments": lambda alice, bob: "a.b.c",
    "four segments": lambda alice, bob: alice.tokens["access_token"] + ".x",
    "empty segments": lambda alice, bob: "..",
    "half a token": lambda alice, bob: str(alice.tokens["access_token"][:-20]),
    "not ASCII": lambda alice, bob: "\xe9\xff.\xfe.\x80",
    "a NUL": lambda alice, bob: alice.tokens["access_token"] + "\0",
    "huge": lambda alice, bob: "x" * 8_000,
}
# What no claim of ours is, nor any that somebody may have.
ODD: list[Any] = [
    *(None, True, 0, -1, 10**30, -(10**400), 1e308, float("nan"), float("inf"), 0.5),
    *("", "\0", "\ud800", "x" * 5000, "1e5", [], ["alice"], {}, {"$ne": None}, [[["a"]]]),
]
CLAIMS = ("iss", "aud", "sub", "exp", "iat", "nbf", "jti", "type", "sid", "fresh", "csrf")
TAKES_TOKEN = {"/api/v1/token/verify": "token", "/api/v1/token/refresh": "refresh_token"}
HEADERS = {
    "no token": "Bearer",
    "a space for a token": "Bearer ",
    "two tokens": "Bearer {token} {token}",
    "two headers in one": "Bearer {token}, Bearer {token}",
    "no scheme": "{token}",
    "Basic": "Basic YWxpY2U6d29uZGVybGFuZC0x",
    "another scheme": "Token {token}",
    "JSON": '{{"token": "{token}"}}',
    "not ASCII": "B\xe9arer {token}",
    "a NUL": "Bearer\0{token}",
    "empty": "",
}


def refusal(response: Any) -> str:
    """Return what a refusal says, after checking its shape for the route."""
    assert response.status_code == 401, response.content
    assert response["WWW-Authenticate"].startswith("Bearer")
    body = response.json()
    if response.wsgi_request.path.startswith("/api/v1/"):
        assert response["Content-Type"] == "application/problem+json"
        assert set(body) == {"type", "title", "status", "detail", "code"}
        return str(body["detail"])
    return told(response)


def send(method: str, path: str, header: str) -> Any:
    client = APIClient(raise_request_exception=False)
    # A body that would do, so that nothing but the token can be at fault.
    is_logout = path == "/api/v1/logout"
    body = "{}" if is_logout else '{"template": "x", "old_template": "y", "new_template": "x"}'
    return client.generic(
        method, path, body, content_type="application/json", HTTP_AUTHORIZATION=header
    )


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_token_is_refused_by_old_routes_and_new(
    kind: str, alice: Person, bob: Person
) -> None:
    token = WRONG[kind](alice, bob)

    for method, path in ROUTES:
        assert refusal(send(method, path, f"Bearer {token}"))
    assert Template.objects.count() == 0


def statuses(token: str) -> Iterator[int]:
    """Yield what the routes that read tokens answer to one, wherever it is put."""
    for method, path in (
        *(("GET", path) for path in there("/get")),
        ("GET", "/api/v1/templates"),
    ):
        yield send(method, path, f"Bearer {token}").status_code
    for path, name in TAKES_TOKEN.items():
        yield APIClient(raise_request_exception=False).post(path, {name: token}).status_code
    # Last, because these two may end what the token stands on.
    yield send("DELETE", "/api/v1/users/me", f"Bearer {token}").status_code
    yield send("POST", "/api/v1/logout", f"Bearer {token}").status_code


def odd_values() -> Iterator[tuple[Any, Person]]:
    """Yield each odd value with somebody of its own: a token that has it may end their account."""
    for number, value in enumerate(ODD):
        yield value, log_in(f"person-{number}", "wonderland-1")


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_no_claim_of_whatever_value_makes_an_error_of_the_service(claim: str, kind: str) -> None:
    for value, person in odd_values():
        claims = jwt.decode(person.tokens[kind], options={"verify_signature": False})
        found = set(statuses(signed(claims | {claim: value})))
        assert found <= {200, 201, 204, 400, 401, 404, 405, 409}, (value, found)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "\ud800", [{"\udfff": 1}]])
def test_a_claim_that_nothing_can_store_or_compare_is_refused(value: Any, alice: Person) -> None:
    for token in (
        signed(claims_of(alice) | {"sub": value}),
        signed(claims_of(alice) | {"x": value}),
    ):
        assert refusal(send("GET", "/api/v1/templates", f"Bearer {token}"))


@pytest.mark.parametrize("name", ["kid", "typ", "alg", "cty", "crit", "b64", "jku"])
def test_no_value_of_a_tokens_header_causes_a_server_error(name: str) -> None:
    for value, person in odd_values():
        _, payload, signature = person.tokens["access_token"].split(".")
        header = {"kid": key_ring().keys[0].id, "typ": "JWT", "alg": "HS256", name: value}
        first = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        assert max(statuses(f"{first}.{payload}.{signature}")) < 500, value


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_that_is_no_bearer_token_is_refused(kind: str, alice: Person) -> None:
    header = HEADERS[kind].format(token=alice.tokens["access_token"])

    for method, path in ROUTES:
        assert refusal(send(method, path, header))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_token_at_all_is_refused(method: str, path: str, client: APIClient) -> None:
    response = client.generic(method, path, "{}", content_type="application/json")

    message = refusal(response)
    assert path.startswith("/api/v1/") or message == "Missing Authorization Header"


def test_a_token_that_is_signed_here_and_changed_in_nothing_is_let_in(alice: Person) -> None:
    # So that the tokens above are refused for what they claim, not for how they are made.
    assert send("GET", "/api/v1/templates", f"Bearer {signed(claims_of(alice))}").status_code == 200


def test_a_refresh_token_that_names_no_audience_is_refused(alice: Person) -> None:
    claims = jwt.decode(alice.tokens["refresh_token"], options={"verify_signature": False})
    for without, status in ({"aud"}, 401), (set[str](), 200):
        token = signed({name: claims[name] for name in claims.keys() - without})
        answer = APIClient().post("/api/v1/token/refresh", {"refresh_token": token})
        assert answer.status_code == status


def test_an_expired_token_is_refused(alice: Person) -> None:
    lifetime = settings.ACCESS_TOKEN_LIFETIME
    header = f"Bearer {alice.tokens['access_token']}"

    with time_machine.travel(datetime.now(UTC) + lifetime - timedelta(minutes=1), tick=False):
        assert send("GET", "/api/v1/templates", header).status_code == 200
    with time_machine.travel(datetime.now(UTC) + lifetime + timedelta(minutes=1), tick=False):
        for method, path in ROUTES:
            assert refusal(send(method, path, header))


def test_what_is_kept_of_a_verified_token_is_of_that_text_alone(alice: Person) -> None:
    token = alice.tokens["access_token"]
    ring = key_ring()
    claims = ring.decode(token)
    assert ring._verified.cache_info().currsize >= 1

    claims["sub"] = "somebody else"
    assert ring.decode(token)["sub"] == "alice"
    for other in (token[:-4] + "AAAA", token + "=", token + ".", token.replace(".", "..")):
        with pytest.raises(TokenBackendError):
            ring.decode(other)


def test_nothing_is_kept_of_a_refused_token(alice: Person) -> None:
    ring = key_ring()
    before = ring._verified.cache_info().currsize
    for number in range(5):
        with pytest.raises(TokenBackendError):
            ring.decode(alice.tokens["access_token"] + f"{number}")
    assert ring._verified.cache_info().currsize == before


def test_a_token_of_a_name_that_was_registered_again_is_refused(alice: Person) -> None:
    alice.user.delete()
    log_in("alice", "looking-glass-2")

    assert refusal(send("GET", "/api/v1/templates", f"Bearer {alice.tokens['access_token']}"))


@pytest.mark.parametrize("place", ["query", "body", "cookie"])
def test_a_token_is_taken_from_the_header_alone(place: str, alice: Person) -> None:
    client = APIClient(raise_request_exception=False)
    token = alice.tokens["access_token"]
    query = {"access_token": token, "jwt": token, "token": token} if place == "query" else {}
    if place == "cookie":
        client.cookies["access_token"] = client.cookies["access_token_cookie"] = token
    body = {"template": "x", "access_token": token} if place == "body" else {"template": "x"}

    response = client.post("/api/v1/templates", body, format="json", query_params=query)
    assert refusal(response)
