"""Templates as they come in and go out."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import QueryDict

from templates_app.documents import Template
from templates_app.examples import BOOK
from templates_app.values import check_template
from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.fields import JSONValueField


class TemplateField(JSONValueField):
    """A new template: a text or an object."""

    style = {
        "base_template": "textarea.html",
        "rows": 8,
        "hint": "Plain text. For a JSON object, use “Raw data”.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(check_template, "invalid_template", initial="", style=self.style, **kwargs)

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        # A browser sends each line break of a text box as CR LF, whatever it was.
        is_typed = isinstance(dictionary, QueryDict) and isinstance(value, str)
        return value.replace("\r\n", "\n") if is_typed else value


class TemplateSerializer(DocumentSerializer):
    """A template under ``/api/v1/templates``."""

    template = TemplateField()

    class Meta:
        document = Template
        fields: ClassVar = ["template"]
        example: ClassVar = {"template": BOOK}
