"""An old hash logs in and is replaced by today's, unless another write came first."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.contrib.auth import hashers
from pytest_django import Settings

from accounts.documents import User
from accounts.flask.hashers import WrappedFlaskHasher
from tests.accounts.callers import log_in, me, tokens_of

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("real_hashers")]

PASSWORD = "1234"
SHA256 = "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"
OLD: dict[str, Any] = {
    "SHA-256, of the Flask service": lambda: SHA256,
    "Argon2id around that": lambda: WrappedFlaskHasher().wrap(SHA256),
    "PBKDF2": lambda: hashers.PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000),
    "scrypt": lambda: hashers.ScryptPasswordHasher().encode(PASSWORD, "salt", n=2**10),
    "Argon2id with less": lambda: _weaker().encode(PASSWORD, "saltsaltsalt"),
}


def _weaker() -> hashers.Argon2PasswordHasher:
    class Weaker(hashers.Argon2PasswordHasher):
        memory_cost, time_cost, parallelism = 1024, 1, 1

    return Weaker()


def stored() -> dict[str, Any]:
    found = User._get_collection().find_one({"username": "carol"})
    assert found
    return found


@pytest.fixture(params=OLD)
def old(request: pytest.FixtureRequest) -> str:
    """Carol's hash, as an older service has stored it."""
    encoded: str = OLD[request.param]()
    User._get_collection().insert_one({"username": "carol", "password": encoded})
    return encoded


def test_the_right_password_logs_in_and_is_hashed_anew(old: str) -> None:
    token = tokens_of("carol", PASSWORD)["access_token"]
    new = stored()["password"]
    assert new.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    # It is nothing that ends a session, and the next log-in leaves it as it is.
    assert me(token) == 200
    assert log_in("carol", PASSWORD).status_code == 200
    assert stored()["password"] == new


@pytest.mark.parametrize("wrong", ["", "1235", SHA256, hashlib.sha256(SHA256.encode()).hexdigest()])
def test_a_wrong_password_changes_nothing(old: str, wrong: str) -> None:
    assert log_in("carol", wrong).status_code == 401
    assert stored()["password"] == old


def test_a_change_that_came_first_is_kept(old: str) -> None:
    """The log-in has read the old hash; before it writes, the password is changed."""
    slow = User.named("carol")
    assert slow
    other = User.named("carol")
    assert other and other.change_password("another")
    after = stored()
    assert slow.check_password(PASSWORD)
    assert stored() == after
    assert log_in("carol", PASSWORD).status_code == 401
    assert log_in("carol", "another").status_code == 200


def test_a_user_who_was_deleted_meanwhile_does_not_come_back(old: str) -> None:
    slow = User.named("carol")
    assert slow
    User.objects(username="carol").delete()
    slow.check_password(PASSWORD)
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "odd",
    ["", "!", "x", "$", "a$b$c$d", "argon2$", "bcrypt_sha256$$2b$12$x", "$2b$12$x", SHA256.upper()]
    + [SHA256 + "\n", SHA256[:-1], "scrypt:32768:8:1$salt$00", "pbkdf2_sha256$1$$", None, 5, {}],
    ids=repr,
)
def test_what_is_no_hash_lets_nobody_in_and_breaks_nothing(odd: Any) -> None:
    User._get_collection().insert_one({"username": "carol", "password": odd})
    for password in (PASSWORD, "", str(odd)):
        assert log_in("carol", password).status_code == 401
    assert stored()["password"] == odd


def test_a_hash_is_upgraded_to_what_the_settings_say(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    User._get_collection().insert_one({"username": "carol", "password": SHA256})
    assert log_in("carol", PASSWORD).status_code == 200
    assert stored()["password"].startswith("scrypt$")


class Counted(hashers.Argon2PasswordHasher):
    """Counts how often today's hash is taken: time itself is no matter for a test."""

    memory_cost, time_cost, parallelism = 1024, 1, 1
    taken = 0

    def encode(self, password: str, salt: str) -> str:
        Counted.taken += 1
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        Counted.taken += 1
        return super().verify(password, encoded)


class CountedWrapped(WrappedFlaskHasher):
    """The same for the hash around the Flask service's."""

    def verify(self, password: str, encoded: str) -> bool:
        Counted.taken += 1
        return super().verify(password, encoded)


@pytest.mark.parametrize(
    "kind", ["nobody", "today's", "SHA-256", "wrapped", "unusable", "no hash", "inactive"]
)
def test_a_wrong_password_costs_one_hash_whoever_it_is_of(kind: str, settings: Settings) -> None:
    """What a guess costs would tell, by its time, whether there is such a name, and how old."""
    settings.PASSWORD_HASHERS = [
        f"{__name__}.Counted",
        "accounts.flask.hashers.FlaskSHA256Hasher",
        f"{__name__}.CountedWrapped",
    ]
    password = {
        "today's": Counted().encode(PASSWORD, "saltsaltsalt"),
        "inactive": Counted().encode(PASSWORD, "saltsaltsalt"),
        "SHA-256": SHA256,
        "wrapped": WrappedFlaskHasher().wrap(SHA256),
        "unusable": "!",
        "no hash": "x",
    }.get(kind)
    if password:
        user = {"username": "carol", "password": password, "is_active": kind != "inactive"}
        User._get_collection().insert_one(user)
    Counted.taken = 0
    assert log_in("carol", "wrong").status_code == 401
    assert Counted.taken == 1
