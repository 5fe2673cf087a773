"""Usernames and passwords in the many ways in which Unicode can write one text: RFC 8265."""

from __future__ import annotations

import hashlib
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.documents import User
from accounts.limits import Attempts
from accounts.names import known_as, normalised_username, opaque_password, password_forms
from templatesvc.rates import Rate
from tests.accounts.callers import log_in, post

pytestmark = pytest.mark.store

COMPOSED, DECOMPOSED = "Zo\u00eb Erd\u0151s", "Zoe\u0308 Erdo\u030bs"
WIDE = "\uff5a\uff4f\uff45"


def register(name: str, password: str = "engine-1") -> Any:
    return post("users", {"username": name, "password": password})


def store_as_flask(name: str, password: str) -> None:
    hashed = hashlib.sha256(password.encode()).hexdigest()
    User._get_collection().insert_one({"username": name, "password": hashed})


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (DECOMPOSED, COMPOSED),
        (COMPOSED, COMPOSED),
        (WIDE, "zoe"),
        ("\u212b", "\u00c5"),  # the sign of the unit, and the letter
        ("\uff76\uff9e", "\u30ac"),  # half-width katakana
        ("Stra\u00dfe", "Stra\u00dfe"),
        ("l\u00b7l", "l\u00b7l"),
    ],
)
def test_a_name_is_stored_in_one_form_and_found_by_each(typed: str, stored: str) -> None:
    assert register(typed).status_code == 201
    assert [user.username for user in User.objects] == [stored]
    for name in (typed, stored):
        assert log_in(name, "engine-1").status_code == 200
        assert register(name).status_code == 409


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a\u200bb", "U+200B is not allowed: it is invisible"),
        ("a\u00adb", "U+00AD"),
        ("a\ufe0fb", "U+FE0F"),
        ("a\u3164b", "U+3164"),
        ("a\u034fb", "U+034F"),
        ("a\u202eb", "U+202E"),
        ("a\u2066b", "U+2066"),
        ("a\u200fb", "directions"),
        ("a\u061cb", "directions"),
        ("\U000e0061", "U+E0061"),
        ("a\u0378b", "U+0378 is not allowed: Unicode has no such character"),
        ("a\ue000b", "U+E000"),
        ("a\U0010ffffb", "U+10FFFF"),
        ("a\U0001f99cb", "U+1F99C is not allowed: it is a symbol"),
        ("a\u00a0b", "U+00A0"),
        ("a\u0628", "directions"),
        (" a", "begin or end with a space"),
        ("a ", "begin or end with a space"),
        (" ", "begin or end with a space"),
    ],
)
def test_what_nobody_sees_is_refused_with_a_sentence(name: str, why: str) -> None:
    answer = register(name)
    assert answer.status_code == 400
    assert answer.json()["msg"].startswith("username: ")
    assert why in answer.json()["msg"]
    assert User.objects.count() == 0


def test_a_name_that_becomes_longer_is_measured_again() -> None:
    grows = "\u0958"  # a composition that NFC takes apart
    assert len(normalised_username(grows)) == 2
    assert register(grows * 75).status_code == 201
    answer = register(grows * 76)
    assert (answer.status_code, "150 characters" in answer.json()["msg"]) == (400, True)


@pytest.mark.parametrize("name", [DECOMPOSED, WIDE, "a\u200bb", "\U0001f99c", " a ", "\u202eb"])
def test_who_registered_at_the_flask_service_logs_in_as_before(name: str) -> None:
    store_as_flask(name, "engine-1")
    assert log_in(name, "engine-1").status_code == 200


def test_the_exact_name_comes_first() -> None:
    store_as_flask(DECOMPOSED, "decomposed-1")
    store_as_flask(COMPOSED, "composed-1")
    for name, password in ((DECOMPOSED, "decomposed-1"), (COMPOSED, "composed-1")):
        token = log_in(name, password).json()["access_token"]
        client = APIClient(headers={"Authorization": f"Bearer {token}"})
        assert client.get("/api/v1/users/me").json()["username"] == name
    assert log_in(DECOMPOSED, "composed-1").status_code == 401


def test_failures_count_for_the_name_that_is_stored(settings: Settings) -> None:
    settings.LOGIN_LIMIT_PER_USER = Rate.parse("3/15m")
    register("zoe")
    forms = [WIDE, "\uff5aoe", "z\uff4fe", "zo\uff45", "zoe"]
    assert [log_in(form, "wrong").status_code for form in forms] == [401] * 3 + [429] * 2
    assert Attempts.objects(id__startswith="login-user").count() == 1


@pytest.mark.parametrize(
    ("set_", "typed"),
    [
        ("caf\u00e9-1", "cafe\u0301-1"),
        ("cafe\u0301-1", "caf\u00e9-1"),
        ("a\u00a0b-\u00e9", "a b-\u00e9"),
        ("a b-\u00e9", "a\u3000b-\u00e9"),
    ],
)
def test_a_password_set_in_one_form_is_right_in_the_other(set_: str, typed: str) -> None:
    register("ada", set_)
    for password in (set_, typed):
        assert log_in("ada", password).status_code == 200
    assert log_in("ada", "cafe-1").status_code == 401


@pytest.mark.parametrize("set_", ["caf\u00e9-1", "cafe\u0301-1"])
@pytest.mark.parametrize("side_by_side", [True, False])
def test_a_password_of_the_flask_service_is_right_in_each_form(
    set_: str, side_by_side: bool, settings: Settings
) -> None:
    settings.FLASK_SIDE_BY_SIDE = side_by_side
    store_as_flask("ada", set_)
    stored = User.objects.get().password
    for _ in range(2):
        for password in ("caf\u00e9-1", "cafe\u0301-1"):
            assert log_in("ada", password).status_code == 200
    assert (User.objects.get().password == stored) is side_by_side


def test_most_passwords_have_one_form_and_so_one_hash() -> None:
    for password in ("engine-1", "\U0001f99c", "\u65e5\u672c\u8a9e", "", "\0", "x" * 1000):
        assert password_forms(password) == [password]
    assert len(password_forms("caf\u00e9")) == len(password_forms("cafe\u0301")) == 2
    # What the profile refuses, and what is too long to be looked at, stands as it is.
    assert opaque_password("\0\u00e9") == "\0\u00e9"
    for long in ("\u00e9" * 1000, "a" + "\u0301" * 10**5):
        assert password_forms(long) == [long]
        assert known_as(long) is None


def test_adopt_tells_names_that_are_equal_once_normalised() -> None:
    for name in (COMPOSED, DECOMPOSED, "zoe", WIDE, "bob", "\u00e9ric", "a\u200bb"):
        store_as_flask(name, "engine-1")
    out = StringIO()
    call_command("adopt", "--format=json", stdout=out)
    findings = {found["kind"]: found for found in json.loads(out.getvalue())["findings"]}
    assert findings["equal_names"]["count"] == 2
    assert not findings["equal_names"]["stands_in_the_way"]
    assert any(repr(WIDE) in sample for sample in findings["equal_names"]["samples"])
    assert findings["unusual_names"]["count"] == 3
