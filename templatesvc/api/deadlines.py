"""How long a request waits for the store, all its operations together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

import pymongo
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from templatesvc.mongo import store

# A request that finds no primary waits for one this long: a broken connection can look like that
# for a moment.
FIRST_SECONDS = 2
# Once there was no primary for AWAY_SECONDS, one request of a process at a time waits that long for
# one. All others get REFUSAL_SECONDS: they fail before PyMongo looks for a primary, which takes it
# half a second.
AWAY_SECONDS, REFUSAL_SECONDS = 0.4, 1e-6
# A slow store takes seconds to read, compare and index a large value, and longer if it has others
# to do first. A request whose body has more bytes than this waits longer.
LARGE_BODY, LARGE_SECONDS = 64 * 1024, 8


class RequestDeadlines:
    """How long a request waits for the store, all its operations together.

    While the store is reachable, only large requests have one limit for all their operations. Any
    other request has a limit for each operation, so that hashing a password uses up none of it.
    """

    def __init__(self) -> None:
        self._away_since: float | None = None
        self._scout = threading.Lock()

    @contextmanager
    def of_request(self, is_large: bool) -> Iterator[float | None]:
        """Yield the seconds that a request which begins now may wait."""
        client = store.running_client()
        if client is None or not store.is_away(client.topology_description):
            self._away_since = None
            # No shorter than the URI gives a single operation.
            of_operation = (client and client.options.timeout) or 0
            yield max(LARGE_SECONDS, of_operation) if is_large else None
            return
        moment = time.monotonic()
        self._away_since = self._away_since or moment
        is_news = moment - self._away_since < AWAY_SECONDS
        is_scout = not is_news and self._scout.acquire(blocking=False)
        try:
            yield FIRST_SECONDS if is_news else AWAY_SECONDS if is_scout else REFUSAL_SECONDS
        finally:
            if is_scout:
                self._scout.release()


class RequestDeadlineMiddleware:
    """Lets no request wait long for a store that is known to be away, so that threads stay free.

    The limit is for the whole request, because a page asks the store several times, the page that
    tells of the failure as well.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.deadlines = RequestDeadlines()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_large = int(request.META.get("CONTENT_LENGTH") or 0) > LARGE_BODY
        with self.deadlines.of_request(is_large) as seconds, ExitStack() as time_of_view:
            time_of_view.enter_context(pymongo.timeout(seconds))
            request.time_of_view = time_of_view
            return self.get_response(request)

    def process_template_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Give the page a time of its own: what it tells of is done, however long that took.

        The page of a store's error gets none, because it would wait for the store again.
        """
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            request.time_of_view.close()
        return response
