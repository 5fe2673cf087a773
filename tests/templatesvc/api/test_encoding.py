"""Whatever charset a request names: it is read as UTF-8, or refused."""

from __future__ import annotations

import encodings
import json
from typing import Any

import pytest

from templatesvc.api.encoding import KNOWN_CODECS
from tests.answers import there, told
from tests.conftest import Person
from tests.wsgi import ask

CHARSETS = ["punycode", "hex", "zlib_codec", "rot13", "undefined", "utf-7", "utf-16", "latin-1"]
CHARSETS += ["us-ascii", "idna", "unicode_escape", "no-such", "", "x" * 3000, "utf---8"]
BODY = json.dumps({"token": "x"}).encode()
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="b"'
FORMS = {
    FORM: b"token=x",
    MULTIPART: b'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\nx',
}


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize(
    "path", ["/api/v1/templates", *there("/get"), "/admin/login", "/api-auth/login"]
)
def test_without_a_body_a_charset_is_ignored(path: str, charset: str) -> None:
    plain, named = (
        ask("GET", f"{path}?search=%C3%A4&a=%2B2AA-", b"", f"text/html{parameter}")
        for parameter in ("", f"; charset={charset}")
    )
    assert named.status == plain.status < 500


def test_a_query_is_read_as_utf8(alice: Person) -> None:
    alice.client.post("/api/v1/templates", {"template": "ä"})
    token = f"Bearer {alice.tokens['access_token']}"
    for charset in ("utf-8", "latin-1", "punycode"):
        content_type = f"text/html; charset={charset}"
        answer = ask(
            "GET", "/api/v1/templates?search=%C3%A4", b"", content_type, authorization=token
        )
        assert [each["template"] for each in answer.json["results"]] == ["ä"]


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("content_type", [JSON, FORM, MULTIPART])
def test_a_body_in_another_charset_is_refused(content_type: str, charset: str) -> None:
    named = f'{content_type}; charset="{charset}"'
    answer = ask("POST", "/api/v1/token/verify", BODY, named)
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert "Send the body in UTF-8" in answer.json["detail"]
    answer = ask("POST", "/api/v1/login", BODY, named)
    assert (answer.status, "Send the body in UTF-8" in told(answer)) == (415, True)
    assert ask("POST", "/api-auth/login", BODY, named).status == 415


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", '"utf-8"'])
def test_a_body_that_says_it_is_in_utf8_is_read(charset: str, client: Any) -> None:
    body = {JSON: BODY} | FORMS
    for content_type, content in body.items():
        answer = ask("POST", "/api/v1/token/verify", content, f"{content_type}; charset={charset}")
        assert (answer.status, answer.json["code"]) == (401, "token_not_valid")


def test_a_form_does_not_choose_its_charset_in_a_field() -> None:
    """In UTF-7 that would be half a surrogate pair, which is refused in a token."""
    answer = ask("POST", "/api/v1/token/verify", b"_charset_=utf-7&token=%2B2AA-", FORM)
    assert [error["field"] for error in answer.json["errors"]] == ["_charset_"]


EXTENDED = [f"charset*={charset}''x" for charset in ("no-such", "punycode", "hex")]
EXTENDED += ["charset*0*=no-such''x; charset*1=y", f"charset*{'9' * 5000}=x"]


@pytest.mark.parametrize("parameter", EXTENDED)
def test_extended_parameters_of_headers_are_not_decoded(parameter: str) -> None:
    for path in ("/", "/nothing", "/api/v1/templates", "/problems", "/admin/login"):
        with_type = ask("GET", f"{path}?a=b", b"", f"text/html; {parameter}")
        with_accept = ask("GET", path, accept=f"text/html; {parameter}, application/json")
        assert with_type.status < 500
        assert with_accept.status < 500
    answer = ask("POST", "/api/v1/token/verify", BODY, f"{JSON}; {parameter}")
    assert answer.status == 401
    answer = ask("POST", "/api/v1/token/verify", FORMS[MULTIPART], f"{MULTIPART}; {parameter}")
    assert answer.status == 400  # the boundary is gone with the parameter


def test_no_name_of_a_charset_is_kept() -> None:
    kept = set(encodings._cache)
    for number in range(20):
        names = [f"no-such-{number}", f"utf{'-' * number}8", f"latin{' ' * number}1"]
        for name in names:
            ask("GET", "/", b"", f"text/html; charset={name}")
            ask("GET", "/", b"", f"text/html; charset*={name}''x")
            part = f"--b\r\nContent-Disposition: form-data; name*={name}''x\r\n\r\nx"
            ask("POST", "/api/v1/token/verify", part.encode(), MULTIPART)
    new = set(encodings._cache) - kept
    assert {name.replace("-", "_") for name in new} <= KNOWN_CODECS


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_compressed_body_is_refused(coding: str) -> None:
    answer = ask("POST", "/api/v1/token/verify", BODY, JSON, content_encoding=coding)
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert answer.json["detail"] == f"Send the body uncompressed, not in {coding}."
    assert answer.headers["Accept-Encoding"] == "identity"
    answer = ask("POST", "/api/v1/login", BODY, JSON, content_encoding=coding)
    assert (answer.status, told(answer)) == (
        415,
        f"Send the body uncompressed, not in {coding}.",
    )


def test_a_body_that_says_it_is_not_compressed_is_read() -> None:
    for coding in ("identity", "Identity", ""):
        answer = ask("POST", "/api/v1/token/verify", BODY, JSON, content_encoding=coding)
        assert answer.status == 401


BOM = b"\xef\xbb\xbf"


def test_a_byte_order_mark_is_skipped(alice: Person) -> None:
    token = f"Bearer {alice.tokens['access_token']}"
    answer = ask("POST", "/api/v1/templates", BOM + b'{"template": "a"}', JSON, authorization=token)
    assert answer.status == 201
    line, kind = b'{"template": "b"}', "application/x-ndjson"
    answer = ask("POST", "/api/v1/templates/import", BOM + line, kind, authorization=token)
    assert answer.json["created"] == 1
    answer = ask("POST", "/api/v1/templates", BOM + BOM + b"{}", JSON, authorization=token)
    assert answer.status == 400


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32", "utf-32-be", "latin-1"])
def test_a_body_that_is_not_utf8_is_refused(codec: str) -> None:
    body = '{"username": "ä", "password": "x"}'.encode(codec)
    assert ask("POST", "/api/v1/login", body, JSON).status == 400


def test_a_form_without_a_known_field_is_told_its_type() -> None:
    for kind, content in {FORM: b'{"token": "x"}', MULTIPART: b"--b--"}.items():
        problem = ask("POST", "/api/v1/token/verify", content, kind).json
        media_type = kind.partition(";")[0]
        assert f"The body came as {media_type}. Send JSON with" in problem["detail"]
        assert [error["code"] for error in problem["errors"]] == ["required", "invalid"]


def test_messages_have_no_words_of_python() -> None:
    bodies = [b"[]", b"null", b"5", b'"x"', b'{"token": {}}', b'{"token": null}', b'{"token": [1]}']
    bodies += [b'{"token": %s}' % (b"9" * 5000), b'{"token": NaN}', b"{oops", b""]
    for body in bodies:
        for path in ("/api/v1/token/verify", "/api/v1/login"):
            text = ask("POST", path, body, JSON).content.decode()
            words = ("dict", "list", "None", "True", "sys.", "str ", "int ", "codec", "'")
            assert not [word for word in words if word in text], text
    answer = ask("POST", "/api/v1/token/verify", b"x", "multipart/form-data")
    assert answer.json["detail"] == "The body is not a multipart form with a valid boundary."
