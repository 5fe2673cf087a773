"""Measuring requests; imported only if METRICS_TOKEN is set, because it takes memory."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django_prometheus.middleware import PrometheusAfterMiddleware


class MeasurementMiddleware(PrometheusAfterMiddleware):
    """django-prometheus's, with one label for all methods that clients invent.

    Labels are kept for good, and django-prometheus's latency has a label for every method.
    """

    def label_metric(
        self, metric: Any, request: HttpRequest, response: Any = None, **labels: str
    ) -> Any:
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)
