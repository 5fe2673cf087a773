"""Every page is valid HTML, as the validator of the W3C has it.

What DRF's own templates had wrong is mended in this service's. Nothing of the API's is let pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.documents import User
from tests import admin_pages, api_pages
from tests.accounts.callers import browser
from tests.accounts.operators import browser_of
from tests.clients.conftest import CACHE, alone_in, fetch, need, ran
from tests.conftest import Person

VERSION = "26.9.27"

pytestmark = [pytest.mark.process, pytest.mark.long]


@pytest.fixture(scope="module")
def vnu() -> Path:
    """The validator, from npm."""
    need("java", "npm")
    folder = CACHE / f"vnu-{VERSION}"
    jar = folder / "node_modules/vnu-jar/build/dist/vnu.jar"
    with alone_in(folder):
        if not jar.exists():
            fetch(["npm", "install", "--silent", "--prefix", ".", f"vnu-jar@{VERSION}"], folder)
    return jar


def visited(page: APIClient, alice: Person) -> Iterator[tuple[str, Any]]:
    """Yield what is on the pages, and what comes of sending what is wrong or right there."""
    paths = list(api_pages.own(alice.user))
    for path in paths:
        yield path, page.get(path)
    malformed = {"content_type": "application/json"}
    yield "malformed JSON", page.post(api_pages.LIST, "{,}", **malformed)
    yield "a refused form", page.post(api_pages.LIST, {"template": ""}, format="multipart")
    yield "a created one", page.post(api_pages.LIST, {"template": "New"}, format="multipart")
    text = next(path for path in paths if path.startswith(f"{api_pages.LIST}/"))
    form = {"data": {"template": "x"}, "format": "multipart"}
    yield "a late change", page.put(text, **form, headers={"If-Match": '"1-a"'})
    yield "a deletion", page.delete(text)
    yield "a change of what is gone", page.put(text, **form)
    alice.user.end_sessions()
    yield "a change after the log-out", page.put(text, **form)
    yield "a wrong log-in", page.post("/api-auth/login", {"username": "x"}, format="multipart")
    alice.user.set_password("handed-over-1", must_change=True)
    told = browser(alice.name, "handed-over-1")
    for path in ("/api/v1/", api_pages.LIST, "/api/v1/users/me/password"):
        yield f"{path}, told to change the password", told.get(path, HTTP_ACCEPT="text/html")
    for path in (*api_pages.OPEN, "/api/v1/docs"):
        yield f"{path}, by nobody", APIClient().get(path, HTTP_ACCEPT="text/html")


def faults(vnu: Path, folder: Path, pages: dict[str, bytes]) -> list[str]:
    """Return what is wrong with pages, a line each."""
    names = {}
    for number, name in enumerate(pages):
        names[f"{number}.html"] = name
        (folder / f"{number}.html").write_bytes(pages[name])
    command = ["java", "-jar", str(vnu), "--format", "json", "--stdout", *names]
    found = json.loads(ran(command, folder).stdout)["messages"]
    return [
        f"{names[Path(each['url']).name]}: {each['message']} {each.get('extract')}"
        for each in found
        if each["type"] != "info" or each.get("subType") == "warning"
    ]


def test_the_validator_notices_what_is_wrong(vnu: Path, tmp_path: Path) -> None:
    page = b"<!DOCTYPE html><html lang=en><title>x</title><ul><form></form></ul></html>"
    (fault,) = faults(vnu, tmp_path, {"a form in a list": page})
    assert "not allowed as child of element" in fault


def test_every_page_is_valid(vnu: Path, alice: Person, tmp_path: Path) -> None:
    page = browser(alice.name, alice.password)
    page.defaults["HTTP_ACCEPT"] = "text/html"
    pages = {}
    for name, answer in visited(page, alice):
        assert answer["Content-Type"].startswith("text/html"), name
        pages[name] = answer.content
    assert faults(vnu, tmp_path, pages) == []


# What Django's admin brings: in the bar at the side its lists of models have a column less than
# their hidden headers say. And what people type may look like any language.
OF_DJANGO = re.compile(r"A table row was 2 columns wide|appears to be written in")


def test_every_page_of_the_operators_is_valid(vnu: Path, tmp_path: Path) -> None:
    paths = [path for paths in admin_pages.made().values() for path in paths]
    root = User.named("root")
    assert root
    operator = browser_of(root)
    pages = {path: operator.get(path).content for path in paths}
    user = "/admin/accounts/user"
    pages["nothing ticked"] = operator.post(user).content
    pages["a refused form"] = operator.post(f"{user}/add", {"username": ""}).content
    root.end_sessions()
    pages["a session that ended"] = operator.post(f"{user}/add", {"username": "carol"}).content
    found = faults(vnu, tmp_path, pages)
    assert [fault for fault in found if not OF_DJANGO.search(fault)] == []
