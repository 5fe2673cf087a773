"""What operators may do to others: the one table of it, for operations, routes and pages alike."""

from __future__ import annotations

from accounts.operators import Role

# To whom it is done: a user, a viewer, staff, a superuser.
TO_WHOM: tuple[Role | None, ...] = (None, *Role)
MAY: dict[str, dict[str, str]] = {
    #                   user  viewer staff superuser
    "create":         {"viewer": "no no no no", "staff": "yes yes yes yes"},
    "deactivate":     {"viewer": "no no no no", "staff": "yes no no no"},
    "reactivate":     {"viewer": "no no no no", "staff": "yes no no no"},
    "end sessions":   {"viewer": "no no no no", "staff": "yes no no no"},
    "end a session":  {"viewer": "no no no no", "staff": "yes no no no"},
    "set a password": {"viewer": "no no no no", "staff": "yes no no no"},
    "unlock":         {"viewer": "no no no no", "staff": "yes no no no"},
    "force a change": {"viewer": "no no no no", "staff": "yes no no no"},
    "appoint":        {"viewer": "no no no no", "staff": "no no no no"},
    "dismiss":        {"viewer": "no no no no", "staff": "no no no no"},
    "erase":          {"viewer": "no no no no", "staff": "yes no no no"},
    "change a quota": {"viewer": "no no no no", "staff": "yes no no no"},
    "export":         {"viewer": "yes yes yes yes", "staff": "yes yes yes yes"},
    # To what they keep, of every resource.
    "change a document":  {"viewer": "no no no no", "staff": "yes yes yes yes"},
    "add a document":     {"viewer": "no no no no", "staff": "yes yes yes yes"},
    "delete a document":  {"viewer": "no no no no", "staff": "yes yes yes yes"},
    "restore a document": {"viewer": "no no no no", "staff": "yes yes yes yes"},
}  # fmt: skip


def may(role: Role | None, operation: str, whose: Role | None = None) -> bool:
    """Tell whether somebody of a role may do it to somebody of another; None is a mere user."""
    if role in (None, Role.SUPERUSER):
        return role is Role.SUPERUSER
    return MAY[operation][role].split()[TO_WHOM.index(whose)] == "yes"
