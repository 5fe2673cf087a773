"""What requests put into the log: one line, a warning at most, of bounded length."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core import exceptions
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from templatesvc.api.streams import StreamTooLong
from templatesvc.ops.log_lines import MAX_QUOTED_LENGTH, StrangersFilter
from tests.processes import Service, wait_for

FORM = "application/x-www-form-urlencoded"
FILES = "".join(
    f'--b\r\nContent-Disposition: form-data; name="{n}"; filename="x"\r\n\r\n1\r\n'
    for n in range(150)
)
PATHS = {
    "line breaks": "/%0aERROR%0d%0aTraceback%e2%80%a8%c2%85%1b[31m",
    "a long path": "/" + "x" * 8000,
}
HOSTS = {"a foreign host": "example.org", "a long host": "x" * 8000, "no host": "a_b%0a"}
FORMS = {
    "many fields": ("/api-auth/login", FORM, "&".join(f"a{n}=1" for n in range(1001))),
    "many fields for tokens": ("/api/v1/token/refresh", FORM, "a=1&" * 1001 + "a=1"),
    "many files": ("/api-auth/login", "multipart/form-data; boundary=b", f"{FILES}--b--\r\n"),
    "no boundary": ("/admin/login", "multipart/form-data; boundary=", "xx"),
    "a large form": ("/admin/login", FORM, "a=" + "x" * 100_000),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("log") / "log"
    with Service(log, MONGODB_URI="mongomock://", WEB_CONCURRENCY="1") as service:
        yield service


def line_of(service: Service, request: str) -> str:
    """Return what a request adds to the log, which is one line."""
    before = len(service.output)
    with closing(socket.create_connection(("127.0.0.1", service.port))) as connection:
        connection.sendall(request.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 4")
    wait_for(lambda: service.output[before:].endswith("\n"), "a line is there")
    # What comes from now on comes after all of it.
    service.get("/after")
    wait_for(lambda: "/after" in service.output[before:], "another line is there")
    line, after, end = service.output[before:].split("\n")
    assert ("/after" in after, end) == (True, "")
    return line


@pytest.mark.process
@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_a_foreign_host_is_a_line(host: str, service: Service) -> None:
    line = line_of(service, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
    assert " WARNING django.security.DisallowedHost: Invalid HTTP_HOST header" in line
    assert len(line) < MAX_QUOTED_LENGTH + 200


@pytest.mark.process
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_path_is_a_line(path: str, service: Service) -> None:
    line = line_of(service, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert " WARNING django.request: " in line
    assert len(line) < MAX_QUOTED_LENGTH + 200
    assert line.isprintable()


@pytest.mark.process
@pytest.mark.parametrize(("path", "kind", "body"), FORMS.values(), ids=FORMS)
def test_a_form_that_is_refused_is_a_line(
    path: str, kind: str, body: str, service: Service
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken={'x' * 32}\r\n"
    head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert " WARNING django." in line_of(service, head + body)


OF_REQUESTS = [
    exceptions.DisallowedHost("x"),
    exceptions.TooManyFieldsSent(),
    exceptions.RequestDataTooBig(),
    exceptions.DisallowedRedirect(),
    exceptions.BadRequest(),
    exceptions.PermissionDenied(),
    Http404(),
    MultiPartParserError(),
    UnreadablePostError(),
    StreamTooLong(),
]


def filtered(error: Exception | None, message: str, *args: object) -> logging.LogRecord:
    try:
        raise error or ValueError
    except Exception:
        info = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "x", 1, message, args, error and info)
    assert StrangersFilter().filter(record)
    return record


@pytest.mark.parametrize("error", OF_REQUESTS, ids=lambda error: type(error).__name__)
def test_what_a_request_brought_about_has_no_traceback(error: Exception) -> None:
    formatted = logging.Formatter().format(filtered(error, "It quotes\n" + "x" * 10_000))
    assert formatted.startswith("It quotes\\nxxx")
    assert len(formatted) <= MAX_QUOTED_LENGTH + 1
    assert filtered(error, "").levelname == "WARNING"


def test_an_error_of_ours_keeps_its_traceback_and_its_level() -> None:
    record = filtered(KeyError("x"), "It broke:\n%s", "text\nof somebody")
    formatted = logging.Formatter().format(record)
    assert formatted.startswith("It broke:\ntext\\nof somebody\nTraceback")
    assert record.levelname == "ERROR"


@pytest.mark.parametrize("text", ["a\r\nb", "a\u2028b", "a\x85b", "a\x1b[2Jb", "a\0b", "a\u202eb"])
def test_what_is_quoted_is_on_one_line_and_steers_nothing(text: str) -> None:
    record = filtered(None, "It says %s, %d times.", text, 3)
    said = record.getMessage()
    assert said.isprintable()
    assert said.endswith("b, 3 times.")
    assert "ü" in filtered(None, "%s", "ü").getMessage()
