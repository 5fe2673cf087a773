"""What is written out in code for speed is what the fields of the serializer say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.serializers import Serializer
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from templates_app.documents import Template
from templates_app.serializers import TemplateSerializer
from templatesvc.mongo.ids import new_id

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TIMES = {"created_at": NOON, "updated_at": NOON.replace(microsecond=120000)}
TEMPLATES = [
    Template(id=new_id(NOON), owner="alice", template="a text", **TIMES),
    Template(id=new_id(NOON), owner="bob", template={"a": [1, None]}, version=7, **TIMES),
    Template(id=new_id(NOON), owner="alice", template=5, created_at=NOON, updated_at=NOON),
]


QUERIES = ["", "?limit=10"]  # DRF would carry ?format along


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("template", TEMPLATES, ids=str)
def test_a_template_is_written_as_its_fields_would_write_it(template: Template, query: str) -> None:
    check(TemplateSerializer, template, query)


def check(serializer_class: type[Serializer], template: Template, query: str) -> None:
    """Compare what a serializer makes of a template with what its fields make of it."""
    request: Any = APIView().initialize_request(APIRequestFactory().get(f"/x{query}"))
    serializer = serializer_class(context={"request": request})
    fields = super(serializer_class, serializer).to_representation(template)
    assert serializer.to_representation(template) == fields
    assert list(serializer.to_representation(template)) == list(fields)
