"""A client that takes anything is answered as DRF's own negotiation would have it."""

from __future__ import annotations

from itertools import product

import pytest
from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from templatesvc.api.negotiation import ContentNegotiation
from templatesvc.api.pages import BrowsableAPIRenderer
from templatesvc.api.renderers import JSONRenderer

ACCEPTED = [None, "*/*", " */*", "*/*;q=0.1", "*/*, text/html", "text/html", "application/json", ""]
QUERIES = ["", "?limit=1", "?format=json", "?format=api", "?format=", "?format=xml"]
BOTH = [JSONRenderer, BrowsableAPIRenderer]
ASKED = list(product(ACCEPTED, QUERIES, (BOTH, BOTH[::-1], [JSONRenderer])))


def chosen(
    negotiation: BaseContentNegotiation, accept: str | None, query: str, renderers: list[type]
) -> tuple[str, str]:
    headers = {} if accept is None else {"HTTP_ACCEPT": accept}
    request = Request(APIRequestFactory().get(f"/{query}", **headers))
    try:
        renderer, media_type = negotiation.select_renderer(request, [each() for each in renderers])
    except (Http404, NotAcceptable) as error:
        return type(error).__name__, ""
    return renderer.format, media_type


@pytest.mark.parametrize(("accept", "query", "renderers"), ASKED)
def test_it_chooses_as_drf_does(accept: str | None, query: str, renderers: list[type]) -> None:
    given = accept, query, renderers
    assert chosen(ContentNegotiation(), *given) == chosen(DefaultContentNegotiation(), *given)
