"""What types of JSON the Flask service's routes take."""

from __future__ import annotations

from tests.templatesvc.api.test_encoding import FORM
from tests.wsgi import ask


def test_the_flask_routes_take_every_type_that_is_json() -> None:
    body = b'{"username": "nobody", "password": "x"}'
    for kind in ("application/vnd.api+json", "Application/JSON", "application/problem+json"):
        assert ask("POST", "/api/v1/login", body, kind).status == 401
    for kind in ("text/json", "application/jsonp", FORM, ""):
        answer = ask("POST", "/api/v1/login", body, kind)
        assert answer.status == 415
        assert answer.json["msg"].endswith("Send JSON with Content-Type: application/json.")
