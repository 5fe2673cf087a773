"""Compressed answers, and what of conditional requests still works with them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from templates_app.documents import Template
from templatesvc.api.staticfiles import StaticFilesMiddleware
from templatesvc.mongo.clock import now
from tests.accounts.operators import operators_browser
from tests.answers import there
from tests.conftest import Person
from tests.templates_app.templates import URL, make, path

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
LARGE = {"text": "Größe " * 500}


def body(answer: Any) -> bytes:
    """Return what a client makes of an answer that has to be compressed."""
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    sent = answer.getvalue()
    if not answer.streaming:
        assert answer["Content-Length"] == str(len(sent))
    return gzip.decompress(sent)


def test_a_large_item_is_compressed_and_its_tag_is_good_for_everything(alice: Person) -> None:
    created = make(alice, LARGE)
    item = path(created)
    answer = alice.client.get(item, headers=GZIP)
    assert json.loads(body(answer)) == created.json()
    assert len(answer.content) < len(created.content) / 5
    assert answer["ETag"] == f"W/{created['ETag']}"
    known = alice.client.get(item, headers=GZIP | {"If-None-Match": answer["ETag"]})
    assert (known.status_code, known["ETag"]) == (304, answer["ETag"])
    changed = alice.client.put(item, {"template": "x"}, headers={"If-Match": answer["ETag"]})
    assert changed.status_code == 200
    again = alice.client.put(item, {"template": "y"}, headers={"If-Match": answer["ETag"]})
    assert again.status_code == 412


def test_a_304_has_the_form_of_the_tag_that_was_asked_with(alice: Person) -> None:
    created = make(alice, LARGE)
    for tag in (created["ETag"], f"W/{created['ETag']}"):
        answer = alice.client.get(path(created), headers=GZIP | {"If-None-Match": tag})
        assert (answer.status_code, answer["ETag"]) == (304, tag)


@pytest.mark.parametrize("text", [LARGE, "small"])
@pytest.mark.parametrize("headers", [GZIP, {}])
def test_a_304_varies_by_what_its_200_varies_by(
    text: Any, headers: dict[str, str], alice: Person
) -> None:
    """RFC 9110, section 15.4.5; a 304 does not know how large its 200 would be."""
    for route in (path(make(alice, text)), "/api/v1/schema"):
        answer = alice.client.get(route, headers=headers)
        known = alice.client.get(route, headers=headers | {"If-None-Match": answer["ETag"]})
        assert (answer.status_code, known.status_code) == (200, 304)
        assert known["Vary"] == answer["Vary"]
        assert "Accept-Encoding" in known["Vary"].split(", ")


def test_json_pages_and_streams_are_compressed(alice: Person) -> None:
    rows = [Template(owner=alice.name, template={"n": n, **LARGE}) for n in range(300)]
    for row in rows:
        row.created_at = row.updated_at = now()
    Template._get_collection().insert_many(row.to_mongo() for row in rows)
    with time_machine.travel(now(), tick=False):  # which a cursor has in its signature
        for route in (URL, *there("/get"), f"{URL}/export", "/api/v1/schema"):
            plain, compressed = alice.client.get(route), alice.client.get(route, headers=GZIP)
            assert body(compressed) == plain.getvalue(), route
    page = alice.client.get(URL, headers=GZIP | {"Accept": "text/html"})
    assert b"</html>" in body(page)
    assert b"</html>" in body(operators_browser().get("/admin/", headers=GZIP))


@pytest.mark.parametrize("accepted", [None, "", "identity", "br", "gzip;q=0", "GZIP; q=0.0, br"])
def test_who_does_not_take_gzip_gets_none(accepted: str | None, alice: Person) -> None:
    created = make(alice, LARGE)
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    answer = alice.client.get(path(created), headers=headers)
    assert "Content-Encoding" not in answer
    assert (answer.json(), answer["ETag"]) == (created.json(), created["ETag"])
    assert "Accept-Encoding" in answer["Vary"]


@pytest.mark.parametrize(
    "accepted", ["gzip", "GZip", "br;q=1, gzip;q=0.5", "gzip;q=0.01", "gzip;q=1"]
)
def test_who_takes_it_in_any_words_gets_it(accepted: str, alice: Person) -> None:
    created = make(alice, LARGE)
    answer = alice.client.get(path(created), headers={"Accept-Encoding": accepted})
    assert json.loads(body(answer)) == created.json()


def test_small_answers_are_sent_as_they_are(alice: Person) -> None:
    created = make(alice, "small")
    answer = alice.client.get(path(created), headers=GZIP)
    assert "Content-Encoding" not in answer
    assert answer["ETag"] == created["ETag"]


def test_an_answer_with_a_token_is_never_compressed(alice: Person) -> None:
    given = {"username": "alice", "password": alice.password}
    login = APIClient().post("/api/v1/login", given, headers=GZIP)
    refresh = APIClient().post(
        "/api/v1/token/refresh", {"refresh_token": login.json()["refresh_token"]}, headers=GZIP
    )
    change = alice.client.post(
        "/api/v1/users/me/password",
        {"current_password": alice.password, "new_password": "looking-glass-2"},
        headers=GZIP,
    )
    for answer in (login, refresh, change):
        assert answer.json()["access_token"]
        assert "Content-Encoding" not in answer


def test_the_length_of_a_compressed_answer_varies_by_chance(alice: Person) -> None:
    make(alice, LARGE)
    lengths = {alice.client.get(URL, headers=GZIP)["Content-Length"] for _ in range(30)}
    assert len(lengths) > 5


# --- Static files --------------------------------------------------------------------------------

SCRIPT = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
PICTURE = "/static/drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png"


def test_static_files_are_compressed_and_kept_for_a_day(client: APIClient) -> None:
    plain, compressed = client.get(SCRIPT), client.get(SCRIPT, headers=GZIP)
    content = plain.getvalue()
    assert gzip.decompress(compressed.getvalue()) == content
    assert int(compressed["Content-Length"]) < len(content) / 2
    for answer in (plain, compressed):
        assert answer["Vary"] == "Accept-Encoding"
        assert answer["Cache-Control"] == "max-age=86400, public"
    assert compressed["ETag"] == f"W/{plain['ETag']}"
    again = client.get(SCRIPT, headers=GZIP | {"If-None-Match": compressed["ETag"]})
    assert (again.status_code, again["ETag"]) == (304, compressed["ETag"])
    head = client.head(SCRIPT, headers=GZIP)
    assert head["Content-Length"] == compressed["Content-Length"]
    assert head.getvalue() == b""


def test_a_file_is_compressed_once() -> None:
    middleware, path = StaticFilesMiddleware(), Path(__file__)
    assert gzip.decompress(middleware.compressed(str(path))) == path.read_bytes()
    assert middleware.compressed(str(path)) is middleware.compressed(str(path))


def test_a_picture_and_a_part_of_a_file_are_sent_as_they_are(client: APIClient) -> None:
    picture = client.get(PICTURE, headers=GZIP)
    assert "Content-Encoding" not in picture
    assert picture["Content-Length"] == str(len(picture.getvalue()))
    part = client.get(SCRIPT, headers=GZIP | {"Range": "bytes=0-99"})
    assert (part.status_code, len(part.getvalue())) == (206, 100)
    assert "Content-Encoding" not in part
