"""Metrics for Prometheus: requests by route, method and status, and how long they took."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views import View

from templatesvc.api.credentials import bearer_token


def may_scrape(request: HttpRequest) -> bool:
    """Tell whether the request has METRICS_TOKEN."""
    try:
        given = bearer_token(request.headers.get("Authorization", ""))
    except ValueError:
        return False
    return constant_time_compare(given or "", settings.METRICS_TOKEN)


class MetricsView(View):
    """The metrics of all workers, in Prometheus's text format, for the bearer of METRICS_TOKEN."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer 404 while METRICS_TOKEN is not set, and 401 without it."""
        if not settings.METRICS_TOKEN:
            raise Http404
        if not may_scrape(request):
            return HttpResponse(
                "Send METRICS_TOKEN as the bearer token.\n",
                status=401,
                content_type="text/plain",
                headers={"WWW-Authenticate": "Bearer"},
            )
        # Imported here, because it takes 2 MB of each worker.
        from django_prometheus.exports import ExportToDjangoView

        response: HttpResponse = ExportToDjangoView(request)
        return response
