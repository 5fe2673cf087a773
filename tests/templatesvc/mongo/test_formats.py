"""Two versions at once: what an older one does on a newer one's database."""

from __future__ import annotations

import pytest
from django.core import checks
from django.core.management import call_command
from mongoengine.connection import get_db
from rest_framework.test import APIClient

from accounts.operators import Operators, Role
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.formats import FORMAT, DataFormat
from tests.conftest import Person


def refused() -> list[str]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [str(message.id) for message in found]


def test_a_database_of_the_same_format_is_used(client: APIClient) -> None:
    call_command("ensureindexes", verbosity=0)
    assert DataFormat.objects.get().needed <= FORMAT
    assert refused() == []
    assert client.get("/readyz").status_code == 200


def test_a_database_of_a_newer_format_is_refused(client: APIClient) -> None:
    DataFormat.declare(FORMAT + 1)
    assert refused() == ["templatesvc.E013"]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == (
        f"A newer version of the service has changed the database: its format is {FORMAT + 1}, "
        f"and this version reads {FORMAT}. Run the newer version."
    )


def test_a_process_that_is_under_way_refuses_it_once_it_is_asked_whether_it_is_ready(
    alice: Person,
) -> None:
    assert alice.client.get("/api/v1/templates").status_code == 200
    DataFormat.declare(FORMAT + 1)
    assert alice.client.get("/readyz").status_code == 503
    answer = alice.client.get("/api/v1/templates")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert "A newer version" in answer.json()["detail"]
    DataFormat.objects.delete()
    assert alice.client.get("/api/v1/templates").status_code == 200


def test_an_older_version_does_not_take_back_what_a_newer_has_declared() -> None:
    DataFormat.declare(FORMAT + 1)
    call_command("ensureindexes", verbosity=0)
    assert DataFormat.objects.get().needed == FORMAT + 1


def test_fields_of_a_newer_version_are_borne_and_left_alone(alice: Person) -> None:
    made = alice.client.post("/api/v1/templates", {"template": "mine"}, format="json")
    for document in ServiceDocument.concrete_classes():
        collection = get_db()[document._get_collection_name()]
        collection.update_many({}, {"$set": {"of_tomorrow": {"a": [2]}}})
    changed = alice.client.put(made["Location"], {"template": "changed"}, format="json")
    assert changed.status_code == 200
    tokens = {"refresh_token": alice.tokens["refresh_token"]}
    assert alice.client.post("/api/v1/token/refresh", tokens, format="json").status_code == 200
    assert alice.client.get("/api/v1/users/me").status_code == 200
    for name in ("templates", "sessions", "users"):
        (kept,) = get_db()[name].find()
        assert kept["of_tomorrow"] == {"a": [2]}


@pytest.mark.parametrize("role", ["owner", ""])
def test_a_role_of_a_newer_version_grants_nothing(alice: Person, role: str) -> None:
    alice.user.appoint(Role.SUPERUSER)
    Operators._get_collection().update_many({}, {"$set": {"people.0.role": role}})
    assert alice.client.get("/api/v1/users").status_code == 403
