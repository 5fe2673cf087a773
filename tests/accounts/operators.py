"""Operators, and browsers in which they are logged in at their site."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from accounts.documents import User
from accounts.operators import Role

PASSWORD = "operators-own-1"


def operator(name: str, role: Role | None = Role.SUPERUSER) -> User:
    """Register somebody, who is an operator if they have a role."""
    user = User.register(name, PASSWORD)
    if role:
        user.appoint(role)
    return user


def browser_of(user: User, enforce_csrf_checks: bool = False) -> Client:
    """Return a browser in which somebody is logged in, by whichever page."""
    browser = Client(enforce_csrf_checks=enforce_csrf_checks, raise_request_exception=False)
    browser.force_login(user)
    return browser


def operators_browser(name: str = "root", role: Role = Role.SUPERUSER) -> Client:
    return browser_of(operator(name, role))


def page_of(document: Any, page: str = "change", *args: Any) -> str:
    """Return the path of a page about a document."""
    from templatesvc.admin import site

    return site.admins[type(document)].url_of(page, document, *args)


def text(answer: Any) -> str:
    """Return what is on a page, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def messages(browser: Client) -> str:
    """Return what the next page says was done."""
    page = browser.get("/admin/").content.decode()
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', page, re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[1])).strip() if found else ""
