"""Django's session middleware, which notes where a session is used from."""

from __future__ import annotations

from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest

from accounts.clients import Client


class SessionMiddleware(DjangoSessionMiddleware):
    """Gives the session of a request the client's address and user agent, to be saved with it."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.client = Client.of(request)
