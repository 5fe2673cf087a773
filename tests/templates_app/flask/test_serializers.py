"""What is written out in code for speed is what the fields of the serializer say."""

from __future__ import annotations

import pytest

from templates_app.documents import Template
from templates_app.flask.serializers import FlaskTemplateSerializer
from templatesvc.mongo.ids import new_id
from tests.templates_app.test_serializers import NOON, QUERIES, TEMPLATES, check

# As the Flask service stores them, without times and versions.
OLD = [
    Template(id=new_id(NOON), owner="alice", template="a text"),
    Template(id=new_id(NOON), owner="bob", template={"a": [1, None]}, version=7),
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("template", TEMPLATES + OLD, ids=str)
def test_a_template_is_written_as_its_fields_would_write_it(template: Template, query: str) -> None:
    check(FlaskTemplateSerializer, template, query)
