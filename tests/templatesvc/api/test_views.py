"""The schema as it is served: made once, and not sent again to who has it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import yaml
from rest_framework.test import APIClient

from templatesvc.api import views
from tests.calls import calls_of
from tests.wsgi import answered, ask, environ

PATH = "/api/v1/schema"


def calls(client: APIClient, **headers: str) -> int:
    """Return how many Python functions a request for the schema calls."""
    return calls_of(partial(client.get, PATH, **headers))


def test_the_schema_is_made_once(client: APIClient) -> None:
    for accept in ("application/json", "application/yaml"):
        client.get(PATH, HTTP_ACCEPT=accept)
        assert calls(client, HTTP_ACCEPT=accept) < 1000


def test_the_schema_is_made_once_for_several_at_a_time() -> None:
    views._written_schema.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, "GET", PATH) for _ in range(8)]
    assert {each.result().status for each in asked} == {200}
    assert views._written_schema.cache_info().misses == 1


@pytest.mark.parametrize("accept", ["application/json", "application/yaml"])
def test_who_has_the_schema_does_not_get_it_again(accept: str, client: APIClient) -> None:
    answer = client.get(PATH, HTTP_ACCEPT=accept)
    assert answer["Content-Type"] == accept
    assert (answer["Cache-Control"], answer["Vary"]) == ("no-cache", "Accept, Accept-Encoding")
    again = client.get(PATH, HTTP_ACCEPT=accept, HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    assert client.get(PATH, HTTP_ACCEPT=accept, HTTP_IF_NONE_MATCH='"x"').status_code == 200


def test_each_representation_and_each_prefix_has_its_own_tag() -> None:
    under = answered(environ("GET", PATH) | {"SCRIPT_NAME": "/under"})
    as_json, as_yaml = ask("GET", PATH), ask("GET", PATH, accept="application/yaml")
    assert len({answer.headers["ETag"] for answer in (under, as_json, as_yaml)}) == 3
    assert under.json["servers"][0]["url"] == "/under"
    assert as_json.json == yaml.safe_load(as_yaml.content)


def test_nobody_chooses_what_the_schema_says(client: APIClient) -> None:
    assert client.get(f"{PATH}?version=x&lang=de").content == client.get(PATH).content
