"""Errors that are answered outside REST Framework's views."""

from __future__ import annotations

import pytest
from django.test import Client

HTML = "text/html,*/*;q=0.8"


def test_a_form_without_the_csrf_token_has_the_code_that_the_api_gives() -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/api-auth/login", HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert "reload the page and try again" in answer.json()["detail"]


@pytest.mark.parametrize("accept", [HTML, "application/json"])
def test_a_cache_is_told_that_another_would_get_another_answer(accept: str) -> None:
    answer = Client().get("/nowhere", HTTP_ACCEPT=accept)
    assert answer.status_code == 404
    assert "Accept" in answer.headers["Vary"].split(", ")
