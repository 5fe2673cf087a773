"""Large answers that clients leave unread: a client with several of them gets no more.

A large answer takes some memory until its client has read it. A client that reads is never refused,
however much it asks for: only one that reads nothing for a while has stalled.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject, empty

# The key in a request's environ for the name of the user who is logged in.
CALLER = "templatesvc.caller"
SECONDS = 1.0  # that a client takes to read a part
MAX_OF_ONE = 8
MAX_OF_AN_ADDRESS = 24


class Stalls:
    """How many large answers each caller leaves unread, and each address."""

    def __init__(self) -> None:
        self._callers: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def are_too_many(self, caller: str, address: str) -> bool:
        """Tell whether a user who is logged in has stalled too often to get more for now."""
        of_one, of_all = self._callers[caller], self._addresses[address]
        return bool(caller) and (of_one >= MAX_OF_ONE or of_all >= MAX_OF_AN_ADDRESS)

    @contextmanager
    def watched(self, caller: str, address: str) -> Iterator[None]:
        """Count a client as stalled while the block, which sends to it, takes too long.

        Requests without a user are not counted: all get the same answers, which are in memory once.
        Nor are trusted proxies, whose address is empty here.
        """
        counted: list[tuple[Counter[str], str]] = []

        def count() -> None:
            for counter, name in ((self._callers, caller), (self._addresses, address)):
                if caller and name:
                    counter[name] += 1
                    counted.append((counter, name))

        timer = asyncio.get_running_loop().call_later(SECONDS, count)
        try:
            yield
        finally:
            timer.cancel()
            for counter, name in counted:
                counter[name] -= 1
                if not counter[name]:
                    del counter[name]


class CallerMiddleware:
    """Tells the server who is logged in, if the request has looked that up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        user = getattr(request, "user", None)
        is_known = not isinstance(user, SimpleLazyObject) or user._wrapped is not empty
        if user is not None and is_known and user.is_authenticated:
            request.META[CALLER] = user.get_username()
        return response
