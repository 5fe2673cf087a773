"""The pages of the API, of somebody who has something on each of them."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.documents import Session, User
from accounts.operators import Role
from templates_app.documents import Template

LIST = "/api/v1/templates"
# For everybody.
OPEN = (
    "/api/v1/",
    "/api/v1/nowhere",
    "/nowhere",
    "/api-auth/login",
    "/api-auth/register",
    "/problems",
    "/problems/precondition_failed",
    LIST,
)


def own(user: User) -> Iterator[str]:
    """Have them keep, change and delete something, and look after users; yield their pages."""
    user.appoint(Role.STAFF)
    book = {"title": "Nineteen Eighty-Four", "year": 1949, "author": {"name": "Orwell"}}
    of_object = Template.create(user.username, {"template": book}).id
    of_text = Template.create(user.username, {"template": "Dear {name}, " + "x" * 3000}).id
    mine = Template.objects.of(user.username)
    mine.filter(id=of_text).replace({"template": "Dear {name},\n\nthank you."})
    gone = Template.create(user.username, {"template": "Farewell"}).id
    mine.filter(id=gone).remove()
    session = Session.of(user).first().id
    yield from OPEN
    yield from (f"{LIST}?search=dear&kind=text&limit=1", f"{LIST}?created_after=yesterday")
    for id in (of_text, of_object):
        yield f"{LIST}/{id}"
    yield from (f"{LIST}/{of_text}/{rest}" for rest in ("versions", "versions/1", "restore"))
    yield from (f"{LIST}/{rest}" for rest in ("deleted", "import"))
    for path in ("users/me", "users/me/password", "sessions", f"sessions/{session}", "logout"):
        yield f"/api/v1/{path}"
    for path in ("logout/all", "token/verify", "token/refresh", "users", f"users/{user.id}"):
        yield f"/api/v1/{path}"
    yield f"/api/v1/users/{user.id}/quota"
