"""Whether the process lives, and whether it can do its work: for orchestrators and balancers."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views import View

from templatesvc import exceptions, indexes, store


class LivezView(View):
    """200 while the process answers, whatever the store does: restarting would not help that."""

    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"status": "ok"})


class ReadyzView(View):
    """200 if the store answers and has its indexes; 503 with the reason otherwise."""

    def get(self, request: HttpRequest) -> JsonResponse:
        try:
            store.client().admin.command("ping")
            missing = [str(index) for index in indexes.missing()]
        except exceptions.STORE_ERRORS as error:
            return self._not_ready(f"The database does not answer ({type(error).__name__}).")
        if missing:
            return self._not_ready(
                f"Indexes are missing: {', '.join(missing)}. Run: python manage.py ensureindexes"
            )
        return JsonResponse({"status": "ok"})

    def _not_ready(self, reason: str) -> JsonResponse:
        headers = {"Retry-After": str(exceptions.RETRY_AFTER_SECONDS)}
        return JsonResponse({"status": "error", "reason": reason}, status=503, headers=headers)
