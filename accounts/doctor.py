"""The doctor's examinations of accounts."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from accounts.documents import User
from accounts.operators import Operators
from templatesvc.ops import doctor
from templatesvc.ops.doctor import Finding

MAKE_ONE = f"To make one: {doctor.command('createsuperuser')}"


@doctor.examines_at_start
def superusers() -> Iterator[Finding]:
    """Whether there is a superuser, who can appoint operators, and who can log in."""
    operators = Operators.current()
    if there := operators.superusers(User):
        yield doctor.ok("operators", f"{len(operators.people)}, of them {len(there)} superusers")
    elif operators.people:
        yield doctor.error("operators", "none of the superusers can log in", MAKE_ONE)
    else:
        yield doctor.warning("operators", "there is none yet", MAKE_ONE)


@doctor.examines
def proxy() -> Iterator[Finding]:
    """Whether the addresses of clients are known."""
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        yield doctor.warning(
            "addresses",
            "a proxy terminates HTTPS but TRUSTED_PROXIES is empty: all clients share the "
            "limits of one address",
            "Set TRUSTED_PROXIES to the proxy's address.",
        )
