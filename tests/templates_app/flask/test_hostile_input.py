"""Input of a wrong kind to the Flask service's routes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from templatesvc.mongo.values import MAX_DOCUMENT_SIZE
from tests.conftest import Person

pytestmark = pytest.mark.store


@override_settings(MAX_BODY_SIZE=2**25, DATA_UPLOAD_MAX_MEMORY_SIZE=2**25)
@pytest.mark.parametrize("field", ["template", "old_template"])
def test_a_value_that_no_document_has_room_for_is_refused(field: str, alice: Person) -> None:
    path = "/delete" if field == "template" else "/update"
    body = {field: "x" * (MAX_DOCUMENT_SIZE + 1), "new_template": "x"}
    answer = alice.client.post(path, body)
    assert (answer.status_code, set(answer.json())) == (400, {"msg"})


@pytest.mark.parametrize("path", ["/create", "/update", "/delete", "/api/v1/login"])
def test_a_wrong_method_is_told_before_a_missing_token(path: str, client: Any) -> None:
    answer = client.get(path)
    assert (answer.status_code, set(answer.json())) == (405, {"msg"})
