"""System checks on running beside the Flask service."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.accounts.test_checks import ED25519, RSA, found, private
from tests.processes import manage

pytestmark = pytest.mark.usefixtures("real_hashers")


@pytest.mark.parametrize("key", ["", private(RSA), private(ED25519)], ids=["none", "RSA", "EdDSA"])
def test_side_by_side_asks_for_the_secret_of_the_flask_service(
    settings: Settings, key: str
) -> None:
    if key:
        settings.JWT_SECRET_KEY = key
    assert found() == set()
    settings.FLASK_SIDE_BY_SIDE = True
    assert found() == {"accounts.E006", "accounts.W001"}
    # The key of before may stay among those that verify.
    settings.JWT_PREVIOUS_KEYS = [settings.JWT_SECRET_KEY]
    settings.JWT_SECRET_KEY = "s" * 32
    assert found() == {"accounts.W001"}


def test_its_own_hasher_is_refused_for_new_passwords(settings: Settings) -> None:
    hasher = "accounts.flask.hashers.FlaskSHA256Hasher"
    settings.PASSWORD_HASHERS = [hasher, *settings.PASSWORD_HASHERS]
    assert found() == {"accounts.E005"}


@pytest.mark.process
def test_every_command_and_so_the_server_says_so() -> None:
    ran = manage("check", MONGODB_URI="mongomock://", FLASK_SIDE_BY_SIDE="on")
    assert ran.returncode == 1
    assert "(accounts.E006) FLASK_SIDE_BY_SIDE is on and JWT_SECRET_" in ran.stderr
