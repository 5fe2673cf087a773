"""Names and passwords that the Flask service stored, in whatever form of Unicode."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.documents import User
from tests.accounts.callers import log_in
from tests.accounts.flask.people import register_at_flask
from tests.accounts.test_names import COMPOSED, DECOMPOSED, WIDE

pytestmark = pytest.mark.store


@pytest.mark.parametrize("name", [DECOMPOSED, WIDE, "a\u200bb", "\U0001f99c", " a ", "\u202eb"])
def test_who_registered_at_the_flask_service_logs_in_as_before(name: str) -> None:
    register_at_flask(name, "engine-1")
    assert log_in(name, "engine-1").status_code == 200


def test_the_exact_name_comes_first() -> None:
    register_at_flask(DECOMPOSED, "decomposed-1")
    register_at_flask(COMPOSED, "composed-1")
    for name, password in ((DECOMPOSED, "decomposed-1"), (COMPOSED, "composed-1")):
        token = log_in(name, password).json()["access_token"]
        client = APIClient(headers={"Authorization": f"Bearer {token}"})
        assert client.get("/api/v1/users/me").json()["username"] == name
    assert log_in(DECOMPOSED, "composed-1").status_code == 401


@pytest.mark.parametrize("set_", ["caf\u00e9-1", "cafe\u0301-1"])
@pytest.mark.parametrize("side_by_side", [True, False])
def test_a_password_of_the_flask_service_is_right_in_each_form(
    set_: str, side_by_side: bool, settings: Settings
) -> None:
    settings.FLASK_SIDE_BY_SIDE = side_by_side
    register_at_flask("ada", set_)
    stored = User.objects.get().password
    for _ in range(2):
        for password in ("caf\u00e9-1", "cafe\u0301-1"):
            assert log_in("ada", password).status_code == 200
    assert (User.objects.get().password == stored) is side_by_side


def test_adopt_tells_names_that_are_equal_once_normalised() -> None:
    for name in (COMPOSED, DECOMPOSED, "zoe", WIDE, "bob", "\u00e9ric", "a\u200bb"):
        register_at_flask(name, "engine-1")
    out = StringIO()
    call_command("adopt", "--format=json", stdout=out)
    findings = {found["kind"]: found for found in json.loads(out.getvalue())["findings"]}
    assert findings["equal_names"]["count"] == 2
    assert not findings["equal_names"]["stands_in_the_way"]
    assert any(repr(WIDE) in sample for sample in findings["equal_names"]["samples"])
    assert findings["unusual_names"]["count"] == 3
