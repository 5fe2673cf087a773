"""Usernames and passwords in the many ways in which Unicode can write one text: RFC 8265."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from accounts.documents import User
from accounts.limits import Attempts
from accounts.names import known_as, normalised_username, opaque_password, password_forms
from templatesvc.rates import Rate
from tests.accounts.callers import log_in, post
from tests.answers import told

pytestmark = pytest.mark.store

COMPOSED, DECOMPOSED = "Zo\u00eb Erd\u0151s", "Zoe\u0308 Erdo\u030bs"
WIDE = "\uff5a\uff4f\uff45"


def register(name: str, password: str = "engine-1") -> Any:
    return post("users", {"username": name, "password": password})


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
    assert told(answer).startswith("username: ")
    assert why in told(answer)
    assert User.objects.count() == 0


def test_a_name_that_becomes_longer_is_measured_again() -> None:
    grows = "\u0958"  # a composition that NFC takes apart
    assert len(normalised_username(grows)) == 2
    assert register(grows * 75).status_code == 201
    answer = register(grows * 76)
    assert (answer.status_code, "150 characters" in told(answer)) == (400, True)


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


def test_most_passwords_have_one_form_and_so_one_hash() -> None:
    for password in ("engine-1", "\U0001f99c", "\u65e5\u672c\u8a9e", "", "\0", "x" * 1000):
        assert password_forms(password) == [password]
    assert len(password_forms("caf\u00e9")) == len(password_forms("cafe\u0301")) == 2
    # What the profile refuses, and what is too long to be looked at, stands as it is.
    assert opaque_password("\0\u00e9") == "\0\u00e9"
    for long in ("\u00e9" * 1000, "a" + "\u0301" * 10**5):
        assert password_forms(long) == [long]
        assert known_as(long) is None
