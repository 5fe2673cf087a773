"""Operators' pages for specimens."""

from __future__ import annotations

from accounts.resources import ResourceAdmin
from templatesvc.admin import site
from tests.specimens.documents import Specimen


@site.register(Specimen)
class SpecimenAdmin(ResourceAdmin):
    list_display = ("label", "tags", "legs", "owner", "updated_at")
    list_filter = ("kingdom", "stage", "is_rare")
    search_fields = ("label", "tags")
