"""Taking over what the Flask service left."""

from __future__ import annotations

import hashlib
import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import override_settings

from accounts.documents import User
from templates_app.documents import Template
from templatesvc import indexes


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def flask_data() -> Any:
    """A database as races and careless clients of the Flask service leave it."""
    for index in indexes.declared():
        if index.document in (User, Template):
            index.drop()
    users, templates = User._get_collection(), Template._get_collection()
    users.insert_many(
        [{"username": name, "password": sha256(name)} for name in ("ann", "ben", "dup")]
    )
    users.insert_one({"username": "dup", "password": sha256("later")})
    users.insert_one(
        {"_id": 5, "username": "eve", "password": sha256("eve"), "is_superuser": True, "color": 1}
    )
    users.update_one({"username": "eve"}, {"$set": {"token_version": [], "is_active": "no"}})
    for profile, template in [
        *(("ann", "a"), ("ann", "a"), ("ann", {"x": 1}), ("ann", {"x": 1.0})),
        *(("ben", ["a", "b"]), ("ben", "a"), ("ben", 5), ("gone", "z")),
    ]:
        templates.insert_one({"profile": profile, "template": template})
    yield
    users.delete_many({})
    templates.delete_many({})
    for index in indexes.missing():
        index.build()


def adopt(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("adopt", "--format=json", *arguments, stdout=out)
        status = 0
    except SystemExit as end:
        status = int(str(end.code))
    return json.loads(out.getvalue()) | {"status": status}


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {found["kind"]: found["count"] for found in report["findings"] if found["count"]}


@pytest.mark.usefixtures("flask_data")
def test_the_report_finds_all_and_changes_nothing() -> None:
    report = adopt()
    assert (report["users"], report["templates"], report["status"]) == (5, 8, 1)
    assert counts(report) == {
        "flask_passwords": 5,
        "smuggled_rights": 1,
        "smuggled_fields": 1,
        "other_fields": 1,
        "refused_templates": 2,
        "duplicate_users": 1,
        "duplicate_templates": 3,
        "orphans": 1,
    }
    assert adopt() == report


@pytest.mark.usefixtures("flask_data")
@pytest.mark.parametrize("choice", ["keep-oldest", "rename"])
def test_applying_clears_the_way_and_loses_nothing(choice: str) -> None:
    done = adopt("--apply", f"--duplicate-users={choice}", "--wrap-passwords", "--yes")
    assert done["done"]["templates_quarantined"] == 4
    after = adopt()
    assert (after["status"], after["templates"]) == (0, 4)
    assert "flask_passwords" not in counts(after)
    for name in ("ann", "ben", "dup", "eve"):
        user = authenticate(None, username=name, password=name)
        assert user and not user.is_superuser
    assert adopt("--apply", f"--duplicate-users={choice}")["done"] == {}


@pytest.mark.usefixtures("flask_data")
def test_undoing_puts_all_of_it_back() -> None:
    before = counts(adopt())
    adopt("--apply", "--duplicate-users=rename")
    adopt("--undo")
    assert counts(adopt()) == before


@pytest.mark.usefixtures("flask_data")
def test_a_choice_about_duplicate_users_must_be_made() -> None:
    with pytest.raises(CommandError, match="keep-oldest"):
        adopt("--apply")


def test_beside_the_flask_service_its_hash_is_kept_up() -> None:
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        User.register("ann", "one")
        user = User.named("ann")
        assert user and user.password == sha256("one")
        assert user.strong_password.startswith("argon2")
        assert authenticate(None, username="ann", password="one")
        # The other side changes it: that holds here.
        User.objects(username="ann").update_one(set__password=sha256("two"))
        assert authenticate(None, username="ann", password="one") is None
        assert authenticate(None, username="ann", password="two")
    assert authenticate(None, username="ann", password="two")
    user = User.named("ann")
    assert user and user.password.startswith("argon2") and not user.strong_password
