"""What is measured of a request, if METRICS_TOKEN is set: others spare themselves this import."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django_prometheus.middleware import PrometheusAfterMiddleware


class MeasurementMiddleware(PrometheusAfterMiddleware):
    """django-prometheus's, with one label for all methods that clients invent.

    Each label is kept for good, and its own latency has a label for every method.
    """

    def label_metric(
        self, metric: Any, request: HttpRequest, response: Any = None, **labels: str
    ) -> Any:
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)
