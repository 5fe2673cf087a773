"""Tags for every page."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def service_name() -> str:
    """Return the name of the service."""
    return str(settings.SERVICE_NAME)
