"""Templates under ``/api/v1/``, as DRF people expect them."""

from __future__ import annotations

from typing import ClassVar

from templates_app.exceptions import TemplateExists
from templates_app.filters import TemplateFilter
from templates_app.serializers import TemplateSerializer
from templatesvc.api.resources import ResourceViewSet


class TemplateViewSet(ResourceViewSet):
    """Your templates: each a text or a JSON object that only you can see and change."""

    serializer_class = TemplateSerializer
    filter_backends: ClassVar = [TemplateFilter]
    filter_fields: ClassVar = ["template"]
    search_fields: ClassVar = ["template"]
    exists_error = TemplateExists
