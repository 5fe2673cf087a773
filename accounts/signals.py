"""Signals of Django: browsers log out on pages of DRF's and of the operators' site."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import audit
from accounts.audit import Action
from accounts.clients import Client
from accounts.documents import User
from accounts.sessions import session_id


@receiver(user_logged_out)
def record_logout(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """Record the end of a browser's session; ``user`` is None if it had ended before."""
    if user is not None:
        ended = session_id(request.session.session_key)
        audit.record(Action.LOGGED_OUT, user.username, Client.of(request), session=ended)
