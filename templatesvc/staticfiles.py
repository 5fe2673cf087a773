"""Where pages find their scripts and styles."""

from __future__ import annotations

from django.contrib.staticfiles import storage
from django.urls import get_script_prefix


class StaticFilesStorage(storage.StaticFilesStorage):
    """Django's, whose URLs begin with the prefix of the request that they are written for."""

    def url(self, name: str | None) -> str:
        return get_script_prefix().rstrip("/") + str(super().url(name))
