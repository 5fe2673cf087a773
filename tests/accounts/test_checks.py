"""System checks of keys, tokens and passwords: what is unsafe is refused, at every start."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.core import checks
from pytest_django import Settings

from accounts.keys import Key
from tests.left_out import mostly_long
from tests.processes import manage

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
PKCS8 = serialization.PrivateFormat.PKCS8
NO_PASSWORD = serialization.NoEncryption()

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def private(key: Any, encryption: Any = NO_PASSWORD) -> str:
    return key.private_bytes(PEM, PKCS8, encryption).decode()


def public(key: Any) -> str:
    return key.public_key().public_bytes(PEM, SPKI).decode()


def bare(key: Any) -> str:
    """Return a public key as some servers show it, without PEM's first and last line."""
    return base64.b64encode(key.public_key().public_bytes(DER, SPKI)).decode()


def ssh(key: Any) -> str:
    encoding = serialization.Encoding.OpenSSH
    return key.public_key().public_bytes(encoding, serialization.PublicFormat.OpenSSH).decode()


pytestmark = pytest.mark.usefixtures("real_hashers")


def found() -> set[str]:
    """Return the ids of what the checks find."""
    return {str(message.id) for message in checks.run_checks(tags=[checks.Tags.security])}


def test_the_tests_own_settings_pass() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    "key", [private(RSA), private(ED25519), "s" * 32, "é" * 16], ids=["RSA", "EdDSA", "s", "é"]
)
def test_a_key_that_is_long_enough_passes(settings: Settings, key: str) -> None:
    settings.JWT_SECRET_KEY = key
    assert found() == set()


@pytest.mark.parametrize("key", [public(RSA), public(ED25519)], ids=["RSA", "Ed25519"])
def test_a_public_key_can_verify_and_not_sign(settings: Settings, key: str) -> None:
    settings.JWT_PREVIOUS_KEYS = [key]
    assert found() == set()
    settings.JWT_SECRET_KEY = key
    assert found() == {"accounts.E002"}


PUBLIC_OR_BROKEN = {
    "a public key without PEM's lines": bare(RSA),
    "the same in lines": "\n".join(bare(RSA)[n : n + 64] for n in range(0, 400, 64)),
    "a public key of Ed25519 without them": bare(ED25519),
    "a public key of SSH": ssh(ED25519),
    "a public key as JSON": json.dumps(Key(private(RSA)).jwk),
    "a public key on one line": public(RSA).replace("\n", "\\n"),
    "a public key below a comment": f"# ours\n{public(RSA)}".replace("PUBLIC", "SECRET"),
    "a certificate": public(RSA).replace("PUBLIC KEY", "CERTIFICATE"),
    "a key with a password": private(RSA, serialization.BestAvailableEncryption(b"secret")),
    "a key of another kind": private(ec.generate_private_key(ec.SECP256R1())),
    "half a key": private(RSA)[:300],
    "a short key": private(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505
}


@pytest.mark.parametrize("place", ["first", "previous"])
@pytest.mark.parametrize("kind", PUBLIC_OR_BROKEN)
def test_a_public_or_a_broken_key_is_never_taken_for_a_secret(
    settings: Settings, kind: str, place: str
) -> None:
    """Whoever knows the public key could sign tokens if it were (RFC 8725, section 2.1)."""
    if place == "first":
        settings.JWT_SECRET_KEY = PUBLIC_OR_BROKEN[kind]
    else:
        settings.JWT_PREVIOUS_KEYS = [PUBLIC_OR_BROKEN[kind]]
    assert found() == {"accounts.E001"}


@pytest.mark.parametrize("place", ["first", "previous"])
def test_a_secret_that_is_shorter_than_its_hash_is_refused(settings: Settings, place: str) -> None:
    if place == "first":
        settings.JWT_SECRET_KEY = "s" * 31
    else:
        settings.JWT_PREVIOUS_KEYS = ["s" * 32, "s" * 31]
    assert found() == {"accounts.E003"}


@pytest.mark.parametrize(
    ("hasher", "said"),
    [
        ("nobodys.Hasher", "accounts.E004"),
        ("os.path", "accounts.E004"),
        ("accounts.hashers.NoSuch", "accounts.E004"),
        ("accounts.keys.Key", "accounts.E004"),
        ("django.contrib.auth.hashers.MD5PasswordHasher", "accounts.E005"),
    ],
)
def test_a_hasher_that_is_not_there_or_is_weak_is_refused(
    settings: Settings, hasher: str, said: str
) -> None:
    settings.PASSWORD_HASHERS = [hasher, *settings.PASSWORD_HASHERS]
    assert found() == {said}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ACCESS_TOKEN_LIFETIME", timedelta(days=14, seconds=1), "accounts.E008"),
        ("REFRESH_TOKEN_LIFETIME", timedelta(days=90, seconds=1), "accounts.E008"),
        ("SESSION_MAX_AGE", timedelta(days=13), "accounts.E008"),
        ("REFRESH_TOKEN_GRACE", timedelta(minutes=5, seconds=1), "accounts.E009"),
    ],
)
def test_lifetimes_of_the_wrong_order_are_refused(
    settings: Settings, name: str, value: timedelta, said: str
) -> None:
    setattr(settings, name, value)
    assert found() == {said}


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "value", "said"),
    mostly_long(
        ("JWT_SECRET_KEY", "too-short", "(accounts.E003) JWT_SECRET_KEY holds a secret of 9 bytes"),
        ("JWT_SECRET_KEY", bare(RSA), "(accounts.E001) JWT_SECRET_KEY holds a key that can't be"),
        ("ACCESS_TOKEN_LIFETIME", "15d", "(accounts.E008) ACCESS_TOKEN_LIFETIME is longer than"),
        ("REFRESH_TOKEN_LIFETIME", "91d", "(accounts.E008) REFRESH_TOKEN_LIFETIME is longer"),
        ("REFRESH_TOKEN_LIFETIME", "9m", "REFRESH_TOKEN_LIFETIME: The time must be from 10m to"),
    ),
)
def test_every_command_and_so_the_server_says_so(name: str, value: str, said: str) -> None:
    ran = manage("check", MONGODB_URI="mongomock://", **{name: value})
    assert ran.returncode == 1
    assert said in ran.stderr


@pytest.mark.process
def test_a_key_comes_from_a_file_as_well(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(public(ED25519))
    ran = manage("check", MONGODB_URI="mongomock://", JWT_SECRET_KEY_FILE=str(file))
    assert "(accounts.E002)" in ran.stderr
    file.write_text(private(ED25519))
    ran = manage("check", MONGODB_URI="mongomock://", JWT_SECRET_KEY_FILE=str(file))
    assert ran.returncode == 0, ran.stderr
