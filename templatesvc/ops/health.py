"""Whether the process is alive, and can do its work: for orchestrators and load balancers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from django.http import HttpRequest, HttpResponseBase
from django.middleware import common
from django.urls import Resolver404, resolve
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from templatesvc.api import exceptions, problems
from templatesvc.api.negotiation import OnlyJSON
from templatesvc.api.renderers import JSONRenderer
from templatesvc.api.serializers import HealthSerializer, NotReadySerializer
from templatesvc.api.views import OpenView
from templatesvc.mongo import errors, indexes, store
from templatesvc.mongo.formats import DataFormat

RETRY_AFTER = OpenApiParameter(
    "Retry-After", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[503]
)

# For programs that know the service by its address and not by its name.
PROBES = {"/livez", "/readyz", "/metrics"}
# How long a good result is reused: checking the indexes takes a round trip for each collection.
USABLE_SECONDS = 60.0
# Routes that report themselves what is wrong.
REPORTING = {"/livez", "/readyz"}


class CommonMiddleware(common.CommonMiddleware):
    """Django's, which refuses other hosts than ALLOWED_HOSTS, except for probes.

    Kubernetes and load balancers send an address as the Host. No answer to a probe names a host.
    """

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        if request.path_info.rstrip("/") in PROBES:
            return None
        return super().process_request(request)


class IndexesMiddleware:
    """Answers 503 to all but ``/livez`` and ``/readyz`` until the store has its indexes.

    Without them a name can be registered twice. The shipped server would not start; other servers
    load ``templatesvc.wsgi``, which does not ask the store before the first request.
    """

    were_found = False  # in this process

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not self.were_found and request.path_info.rstrip("/") not in REPORTING:
            if error := refusal():
                with suppress(Resolver404):  # the route says what its errors look like
                    request.resolver_match = resolve(request.path_info)
                return problems.answer(request, error)
            IndexesMiddleware.were_found = True
        return self.get_response(request)


def refusal() -> APIException | None:
    """Return the error that answers every request until the store can be used."""
    try:
        indexes.build_in_memory()
        reason = unusable()
    except errors.STORE_ERRORS as error:
        translated: APIException = exceptions.translated(error)
        return translated
    return exceptions.StoreUnavailable(reason) if reason else None


def unusable() -> str:
    """Return why the store must not be used, and what to do; empty if it may be used."""
    if reason := DataFormat.refusal():
        IndexesMiddleware.were_found = False  # a process that has begun to answer ends with it
        return f"{reason}. Run the newer version."
    missing = ", ".join(map(str, indexes.missing()))
    return f"Indexes are missing: {missing}. Run: python manage.py ensureindexes" if missing else ""


class HealthView(OpenView):
    """What is said to a program that asks after the service, whatever it says that it accepts."""

    renderer_classes = [JSONRenderer]
    content_negotiation_class = OnlyJSON


class LivezView(HealthView):
    """``GET /livez``: whether the process answers at all."""

    @extend_schema(operation_id="get_liveness", responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        """Answer 200 as long as the process runs, even if the store is away."""
        return Response({"status": "ok"})


class ReadyzView(HealthView):
    """``GET /readyz``: whether the store answers and has its indexes."""

    usable_at: ClassVar = -USABLE_SECONDS

    @extend_schema(
        operation_id="get_readiness",
        responses={200: HealthSerializer, 503: NotReadySerializer},
        parameters=[RETRY_AFTER],
    )
    def get(self, request: Request) -> Response:
        """Answer 200 if the store answers and has its indexes, 503 with the reason otherwise."""
        try:
            reason = self._unusable()
        except errors.STORE_ERRORS as error:
            return self._not_ready(f"The database does not answer ({type(error).__name__}).")
        if reason:
            return self._not_ready(reason)
        return Response({"status": "ok"})

    def _unusable(self) -> str:
        """Return why the store must not be used; while a good result is fresh, just ping it."""
        if time.monotonic() - self.usable_at < USABLE_SECONDS:
            store.client().admin.command("ping")
            return ""
        reason = unusable()
        if not reason:
            type(self).usable_at = time.monotonic()
        return reason

    def _not_ready(self, reason: str) -> Response:
        headers = {"Retry-After": str(exceptions.RETRY_AFTER_SECONDS)}
        return Response({"status": "error", "reason": reason}, status=503, headers=headers)
