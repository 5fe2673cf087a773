"""What the document of sessions and its picture say, held to the settings."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from django.conf import settings

from accounts.documents import Session
from tests.docs.markdown import document, section

DOCUMENT = "docs/sessions.md"
PICTURE = "docs/sessions.svg"


def pictured() -> str:
    texts = ElementTree.fromstring(document(PICTURE)).itertext()  # noqa: S314  (our own file)
    return re.sub(r"\s+", " ", " ".join(texts))


def test_the_times_are_the_defaults_of_the_settings() -> None:
    grace = settings.REFRESH_TOKEN_GRACE.seconds
    unused, longest = settings.REFRESH_TOKEN_LIFETIME.days, settings.SESSION_MAX_AGE.days
    said = re.sub(r"\s+", " ", document(DOCUMENT))
    assert f"{unused} days unused, or {longest} days old" in pictured()
    assert f"{grace} seconds later" in pictured()
    for text in (f"within {grace} seconds", f"{unused} days after", f"after {longest} days"):
        assert text in said
    assert (Session.TOUCH_EVERY.seconds, "within five minutes" in said) == (300, True)


def test_the_limits_are_the_defaults_of_the_settings() -> None:
    limits = (settings.LOGIN_LIMIT_PER_USER, settings.LOGIN_LIMIT_PER_ADDRESS)
    assert [(rate.limit, rate.period.seconds) for rate in limits] == [(10, 900), (100, 900)]
    assert "Ten wrong passwords for a name, or a hundred from an address, in 15 minutes" in section(
        DOCUMENT, "Wrong passwords"
    )


def test_the_picture_shows_in_the_readme_and_in_the_document_and_fetches_nothing() -> None:
    readme, page = section("README.md", "Sessions"), document(DOCUMENT).removeprefix("# Sessions\n")
    assert readme.startswith(f"\n![The life of a session]({PICTURE})\n")
    assert page.startswith("\n![The life of a session](sessions.svg)\n")
    text = document(PICTURE).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|@import|@font-face|<image|<script|href=", text)
