"""The one route that belongs to no app."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import View


class HelloView(View):
    """The Flask service's greeting."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("Hello, World!")
