"""The server as shipped: nobody can hold it, and what HTTP says about bodies and connections."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from templatesvc.gunicorn import has_large_pages
from templatesvc.server.threads import PIECE
from tests.processes import PATIENCE, Service, wait_for

pytestmark = pytest.mark.process
MANY = 20  # clients, where a worker has two threads
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"  # over a megabyte
BRIEF = {"HEAD_TIMEOUT": "1s", "BODY_TIMEOUT": "1s", "ANSWER_TIMEOUT": "1s"}
CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
HEAD = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One worker with two threads."""
    with serving(tmp_path_factory.mktemp("server")) as service:
        yield service


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One that gives clients a second for everything."""
    with serving(tmp_path_factory.mktemp("strict"), **BRIEF) as service:
        yield service


@contextmanager
def serving(folder: Path, *application: str, **settings: str) -> Iterator[Service]:
    defaults = {"MONGODB_URI": "mongomock://", "WEB_CONCURRENCY": "1", "WEB_THREADS": "2"}
    command = ("-m", "gunicorn", "--config", "python:templatesvc.gunicorn", *application)
    with Service(folder / "log", command, **defaults | settings) as service:
        yield service


def connect(service: Service, sent: bytes | str = b"", receive_buffer: int = 0) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(PATIENCE)
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", service.port))
    connection.sendall(sent.encode() if isinstance(sent, str) else sent)
    return connection


def read_to_end(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def drain(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def said(service: Service, sent: bytes | str) -> bytes:
    with closing(connect(service, sent)) as connection:
        return read_to_end(connection)


def workers(service: Service) -> set[int]:
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text()
    return {int(pid) for pid in children.split()}


def memory_of(worker: int) -> int:
    """Return how many KiB a worker has now."""
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


in_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")


# --- Clients that hold on -------------------------------------------------------------------------

HELD = {
    "nothing": "",
    "half a request line": "GET /live",
    "half a head": f"GET /livez HTTP/1.1\r\n{HEAD}",
    "half a head after an answer": f"GET /livez HTTP/1.1\r\n{HEAD}\r\nGET /li",
    "a body that never comes": f"POST /create HTTP/1.1\r\n{HEAD}Content-Length: 100\r\n\r\n",
    "half a body": f"POST /create HTTP/1.1\r\n{HEAD}Content-Length: 100\r\n\r\n" + "x" * 50,
    "chunks without an end": f"POST /create HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("sent", HELD.values(), ids=HELD)
def test_who_sends_half_a_request_stops_nobody_and_is_closed(sent: str, strict: Service) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(connect(strict, sent)) for _ in range(MANY)]
        assert strict.get("/livez").status == 200
        for connection in held:
            read_to_end(connection)


def test_a_body_that_does_not_come_is_answered_408(strict: Service) -> None:
    answer = said(strict, HELD["half a body"])
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
        "msg": "The body did not arrive in time; send the request again."
    }


ASK = f"GET /livez HTTP/1.1\r\n{HEAD}\r\n"
LOG_IN = f"POST /api/v1/login HTTP/1.1\r\n{HEAD}Content-Length: 2\r\n\r\n{{}}"
NOBODY = '{"username": "nobody", "password": "note-g-1843"}'
# It takes as long as a hash, so that all else that is sent has come when it is answered.
SLOW = f"POST /api/v1/login HTTP/1.1\r\n{HEAD}Content-Length: {len(NOBODY)}\r\n\r\n{NOBODY}"
LARGE_BODY = f"POST /api/v1/login HTTP/1.1\r\n{HEAD}Content-Length: 50000\r\n\r\n" + "x" * 50_000


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (ASK, [b"200"]),
        (LOG_IN, [b"400"]),
        (LOG_IN + ASK, [b"400", b"200"]),
        (ASK * 3000, [b"200"] * 3000),
        (ASK + LOG_IN[:-1], [b"200"]),
        (LOG_IN[:-1], []),
        ("", []),
        (SLOW + ASK, [b"401", b"200"]),
        (SLOW + LARGE_BODY, [b"401", b"400"]),
        (SLOW + LOG_IN[:-1], [b"401"]),
        (SLOW + ASK[:-1], [b"401"]),
        (SLOW + LARGE_BODY[:-1], [b"401"]),
    ],
    ids=[
        "a request",
        "one with a body",
        "two",
        "many",
        "one and a half",
        "a half",
        "nothing",
        "a slow one and another",
        "a slow one and a large one",
        "a slow one and half a body",
        "a slow one and half a head",
        "a slow one and half of a large one",
    ],
)
def test_who_sends_nothing_more_gets_the_answers(
    sent: str, statuses: list[bytes], service: Service
) -> None:
    with closing(connect(service, sent)) as connection:
        connection.shutdown(socket.SHUT_WR)
        heads = read_to_end(connection).split(b"HTTP/1.1 ")[1:]
    assert [head[:3] for head in heads] == statuses


def test_who_reads_no_answers_stops_nobody_and_is_closed(strict: Service) -> None:
    asked, ask = 50, f"GET {LARGE} HTTP/1.1\r\n{HEAD}\r\n"
    with ExitStack() as stack:
        held = [
            stack.enter_context(connect(strict, ask * asked, receive_buffer=4096)) for _ in range(4)
        ]
        assert strict.get("/livez").status == 200
        wait_for(lambda: strict.output.count("did not read the answer") == 4, "all four are closed")
        assert all(read_to_end(each).count(b"HTTP/1.1 200") < asked for each in held)


@pytest.mark.parametrize(
    ("head", "status"), [("X-Large: " + "x" * 40_000, 431), ("X: x\r\n" * 200, 431)]
)
def test_a_head_has_its_size(head: str, status: int, service: Service) -> None:
    answer = said(service, f"GET /livez HTTP/1.1\r\n{head}")
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(("size", "status"), [(1024, 200), (1025, 431), (15_000, 431)])
def test_a_head_of_the_most_is_the_largest(size: int, status: int, tmp_path: Path) -> None:
    start = f"GET /livez HTTP/1.1\r\n{HEAD}Connection: close\r\n"
    rest = size - len(start) - len("\r\n")
    fields = "".join(f"X: {'x' * (part - 5)}\r\n" for part in parts_of(rest, 500))
    with serving(tmp_path, MAX_HEAD_SIZE="1024") as service:
        answer = said(service, f"{start}{fields}\r\n")
    assert len(f"{start}{fields}\r\n") == size
    assert answer.startswith(b"HTTP/1.1 %d " % status)


def parts_of(size: int, most: int) -> list[int]:
    """Return about equal numbers of at most ``most`` that are ``size`` in sum."""
    count = -(-size // most)
    return [size // count + (number < size % count) for number in range(count)]


def test_connections_beyond_the_most_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, MAX_CONNECTIONS="5") as service, ExitStack() as stack:
        held = [stack.enter_context(connect(service)) for _ in range(5)]
        assert service.get("/livez").status == 503
        held[0].close()
        wait_for(lambda: service.get("/livez").status == 200, "a place is free again")


@pytest.mark.parametrize(("trusted", "status"), [("", 429), ("127.0.0.0/8", 200)])
def test_one_address_has_a_part_of_the_connections(
    trusted: str, status: int, tmp_path: Path
) -> None:
    limits = {"MAX_CONNECTIONS_PER_ADDRESS": "5", "TRUSTED_PROXIES": trusted}
    with serving(tmp_path, **limits) as service, ExitStack() as stack:
        held = [stack.enter_context(connect(service)) for _ in range(5)]
        answer = service.get("/livez")
        assert answer.status == status
        assert answer.headers.get("Retry-After", "2") == "2"
        held[0].close()
        wait_for(lambda: service.get("/livez").status == 200, "a place is free again")


# --- Answers that break off -----------------------------------------------------------------------


def test_a_stream_that_fails_midway_is_seen_to_be_cut(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.streams:failing", ALLOWED_HOSTS="*") as service:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        with closing(connection):
            connection.request("GET", "/cut")
            with connection.getresponse() as response:
                assert response.status == 200
                with pytest.raises(http.client.IncompleteRead):
                    response.read()
        assert "The answer to /cut broke off." in service.output
        assert service.get("/livez").status == 200


def test_over_http_1_0_a_cut_stream_does_not_end_like_a_whole_one(tmp_path: Path) -> None:
    with serving(tmp_path, "tests.streams:failing", ALLOWED_HOSTS="*") as service:
        with closing(connect(service, "GET /cut HTTP/1.0\r\n\r\n")) as connection:
            with pytest.raises(ConnectionResetError):
                drain(connection)


def test_over_http_1_0_a_whole_stream_ends_with_the_connection(tmp_path: Path) -> None:
    ask = "GET /whole HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with serving(tmp_path, "tests.streams:failing", ALLOWED_HOSTS="*") as service:
        answer = said(service, ask * 2)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert body == b"x" * PIECE


# --- Bodies ---------------------------------------------------------------------------------------


def in_chunks(
    service: Service,
    method: str,
    path: str,
    body: Any,
    token: str,
    kind: str = "application/json",
    size: int = 7,
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    chunks = (text[at : at + size] for at in range(0, len(text), size))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    connection.request(method, path, chunks, headers, encode_chunked=True)
    with closing(connection), connection.getresponse() as response:
        return response.status, json.loads(response.read())


def test_a_chunked_body_is_read_on_every_route(service: Service) -> None:
    token = service.log_in("carol")
    status, _ = in_chunks(service, "POST", "/create", {"template": "in chunks"}, token)
    assert status == 200
    status, made = in_chunks(service, "POST", "/api/v1/templates", {"template": "mine"}, token)
    assert status == 201
    url = f"/api/v1/templates/{made['id']}"
    status, changed = in_chunks(service, "PATCH", url, {"template": "changed"}, token)
    assert (status, changed["template"]) == (200, "changed")
    lines = b"".join(b'{"template": "line %d"}\n' % number for number in range(50))
    path = "/api/v1/templates/import"
    status, report = in_chunks(service, "POST", path, lines, token, "application/x-ndjson")
    assert (status, report["created"]) == (200, 50)


def test_who_is_not_logged_in_is_told_how_large_a_body_may_be(service: Service) -> None:
    answer = service.post("/api/v1/token/verify", {"token": "x" * 1_000_000})
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert answer.json["detail"] == "Without a log-in a body has at most 65,536 bytes."


@pytest.mark.long
def test_a_chunked_body_has_its_size(service: Service) -> None:
    token = service.log_in("dan")
    large = {"template": "x" * 3_000_000}
    status, answer = in_chunks(service, "POST", "/api/v1/templates", large, token, size=1000)
    assert (status, answer["code"]) == (413, "too_large")


@pytest.mark.parametrize("order", [1, -1])
def test_two_lengths_of_one_body_are_refused(order: int, service: Service) -> None:
    lengths = ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"][::order]
    answer = said(service, f"POST /create HTTP/1.1\r\n{HEAD}{''.join(lengths)}\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


REFUSED = [
    ("POST", "/create", "application/json", 401),
    ("POST", "/nothing", "application/json", 404),
    ("POST", "/livez", "application/json", 405),
    ("POST", "/api/v1/login", "application/pdf", 415),
    ("POST", "/api/v1/login", "application/json", 413),
]


@pytest.mark.parametrize(("method", "path", "kind", "status"), REFUSED)
def test_after_an_early_refusal_the_connection_is_usable(
    method: str, path: str, kind: str, status: int, service: Service
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    with closing(connection):
        connection.connect()
        kept = connection.sock
        for _ in range(5):
            connection.request(method, path, b"x" * 5_000_000, {"Content-Type": kind})
            with connection.getresponse() as response:
                assert response.status == status
                response.read()
            connection.request("GET", "/livez")
            with connection.getresponse() as response:
                assert response.status == 200
                response.read()
        assert connection.sock is kept


@pytest.mark.parametrize("sent", [0, 5_000_000, 30_000_000])
def test_a_body_that_nobody_reads_is_answered_before_it_is_there(
    sent: int, service: Service
) -> None:
    head = f"POST /api/v1/login HTTP/1.1\r\n{HEAD}Content-Length: 30000000\r\n\r\n"
    with closing(connect(service, head.encode() + b"x" * sent)) as connection:
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


def test_a_client_that_waits_for_leave_gets_it(service: Service) -> None:
    head = f"POST /create HTTP/1.1\r\n{HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with closing(connect(service, head)) as connection:
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("path", ["/", "/livez", "/api/v1/schema", "/static/admin/css/base.css"])
def test_the_answer_to_head_is_that_to_get_without_its_body(path: str, service: Service) -> None:
    got = service.get(path)
    closing_head = f"HEAD {path} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n"
    head, _, body = said(service, closing_head).partition(b"\r\n\r\n")
    assert body == b""
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: " + got.headers["Content-Length"].encode() in head
    assert "no-body response" not in service.output


@pytest.mark.parametrize(
    ("url", "host", "status"),
    [
        ("http://127.0.0.1/", "other.example", 200),  # RFC 9112, section 3.2.2: Host is ignored
        ("HTTP://127.0.0.1/", "127.0.0.1", 200),
        ("http://127.0.0.1", "127.0.0.1", 200),
        ("http://127.0.0.1?a=b", "127.0.0.1", 200),
        ("https://user:password@127.0.0.1:80/", "127.0.0.1", 200),
        ("http://other.example/", "127.0.0.1", 400),
        ("HTTP://other.example/", "127.0.0.1", 400),
        ("http://127.0.0.1@other.example/", "127.0.0.1", 400),
    ],
)
def test_the_target_may_be_a_whole_url_whose_host_counts(
    url: str, host: str, status: int, service: Service
) -> None:
    whole = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = said(service, whole)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (b"names none of ALLOWED_HOSTS" in answer) == (status == 400)


def test_urls_in_an_answer_have_the_host_of_the_target(service: Service) -> None:
    head = "HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"
    answer = said(service, f"GET http://127.0.0.1:8000/api/v1 {head}")
    assert b'"http://127.0.0.1:8000/api/v1/templates"' in answer


@pytest.mark.parametrize(
    "url",
    ["http:///livez", "http://:80/livez", "http://a@b@127.0.0.1/livez", "ftp://127.0.0.1/livez"]
    + ["http://127.0.0.1:port/livez", "http://127.0.0.1\\@x/livez", "http://[/livez", "http:livez"],
)
def test_a_target_without_a_valid_host_is_refused(url: str, service: Service) -> None:
    answer = said(service, f"GET {url} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_whole_url_does_not_replace_the_host_header(service: Service) -> None:
    without = said(service, "GET http://127.0.0.1/livez HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert without.startswith(b"HTTP/1.1 400 ")
    assert said(service, "GET http://127.0.0.1/ HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")


def test_an_offer_to_speak_another_protocol_is_ignored(service: Service) -> None:
    offer = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    with closing(connect(service, f"GET /livez HTTP/1.1\r\n{HEAD}{offer}{key}\r\n")) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_body_of_crumbs_is_refused(service: Service) -> None:
    answer = said(service, f"POST /create HTTP/1.1\r\n{HEAD}{CHUNKED}" + "1\r\na\r\n" * 100_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answers(service)


def test_crumbs_are_not_parsed_once_the_body_is_refused(service: Service) -> None:
    """Of a client that goes on sending them, nobody else notices anything."""
    crumbs = b"1\r\n \r\n" * 10_000
    sent, head = 0, f"POST /create HTTP/1.1\r\n{HEAD}{CHUNKED}"
    with closing(connect(service, head)) as connection, suppress(OSError):
        while sent < 60_000_000:
            connection.sendall(crumbs)
            sent += len(crumbs)
            assert answers(service)
    assert sent > len(crumbs)


@in_proc
def test_the_memory_of_a_hash_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunables = "glibc.malloc.hugetlb=1"
    monkeypatch.setenv("GLIBC_TUNABLES", tunables)
    if not has_large_pages():
        pytest.skip("this kernel gives no pages of 2 MiB")
    with serving(tmp_path, GLIBC_TUNABLES=tunables) as service:
        (worker,) = workers(service)
        before = memory_of(worker)
        service.log_in("alice")
        # Less than the 19 MiB of one hash, for what is loaded only now.
        assert memory_of(worker) < before + 15_000


@in_proc
def test_what_is_sent_behind_a_request_is_kept_within_bounds(service: Service) -> None:
    (worker,) = workers(service)
    ask = f"GET /livez HTTP/1.1\r\n{HEAD}\r\n".encode() * 10_000
    before = memory_of(worker)
    with ExitStack() as stack:
        for _ in range(MANY):
            connection = stack.enter_context(connect(service, receive_buffer=4096))
            connection.settimeout(0.1)
            with suppress(OSError):  # it is closed, or takes no more
                for _ in range(10):
                    connection.sendall(ask)
        assert answers(service)
        assert memory_of(worker) < before + 30_000


def test_what_is_sent_behind_a_request_is_answered(service: Service) -> None:
    asked = 200
    ask = f"GET /livez HTTP/1.1\r\n{HEAD}\r\n" * asked
    last = f"GET /livez HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n"
    assert said(service, ask + last).count(b"HTTP/1.1 200 ") == asked + 1


def test_a_body_of_small_parts_is_read(service: Service) -> None:
    body = "1\r\n{\r\n" + "1\r\n \r\n" * 5000 + "1\r\n}\r\n0\r\n\r\n"
    answer = said(service, f"POST /create HTTP/1.1\r\n{HEAD}Connection: close\r\n{CHUNKED}{body}")
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Connection: close\r\n", 400),
        (f"{HEAD}Host: 127.0.0.1\r\nConnection: close\r\n", 400),
        (f"{HEAD}Transfer-Encoding: gzip, chunked\r\n", 501),
        (f"{HEAD}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
        (f"{HEAD}Transfer-Encoding: Chunked\r\nConnection: close\r\n", 200),
    ],
)
def test_what_others_may_take_for_another_request_is_refused(
    head: str, status: int, service: Service
) -> None:
    answer = said(service, f"GET / HTTP/1.1\r\n{head}\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_an_answer_that_announces_the_end_is_the_last(service: Service) -> None:
    another = f"GET /livez HTTP/1.1\r\n{HEAD}\r\n"
    assert said(service, f"GET / HTTP/1.1\r\n\r\n{another}").count(b"HTTP/1.1 ") == 1


def test_http_1_0_needs_no_host(service: Service) -> None:
    assert said(service, "GET /api/v1 HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")


SMALL = {"MAX_BODY_SIZE": "131072", "MAX_IMPORT_SIZE": "131072"}


def test_the_large_bodies_of_one_address_take_a_bounded_room(tmp_path: Path) -> None:
    """Those that are not there whole yet count, and are given back when the connection ends."""
    head = f"POST /create HTTP/1.1\r\n{HEAD}Authorization: Bearer a.b.c\r\n"
    head += "Connection: close\r\nContent-Length: 131072\r\n\r\n"
    with serving(tmp_path, **SMALL) as service, ExitStack() as stack:
        held = [stack.enter_context(connect(service, head + "x" * 131_071)) for _ in range(8)]
        wait_for(lambda: said(service, head + "x" * 131_072)[9:12] == b"429", "there is no room")
        small = {"username": "frank", "password": "wonderland-1"}
        assert service.post("/api/v1/users", small).status == 201
        held[0].close()
        wait_for(lambda: said(service, head + "x" * 131_072)[9:12] == b"401", "there is room")


@pytest.mark.parametrize(("path", "status"), [("/create", 401), ("/api/v1/login", 413)])
def test_a_large_body_of_a_stranger_is_answered_as_far_as_nobody_reads_it(
    path: str, status: int, service: Service
) -> None:
    body = json.dumps({"username": "x" * 100_000})
    assert service.request("POST", path, body).status == status
    assert service.request("POST", path, body, "a.b.c").status in (400, 401, 422)


@pytest.mark.parametrize("path", ["/admin/login", "/api-auth/login"])
def test_a_large_form_of_a_stranger_is_refused(path: str, service: Service) -> None:
    form = "username=" + "x" * 100_000
    page = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": "csrftoken=" + "x" * 32}
    assert service.request("POST", path, form, **page).status == 413


@pytest.mark.parametrize(("digits", "status"), [(18, 413), (20, 400), (400, 400), (5000, 400)])
def test_a_length_of_many_digits_is_refused(digits: int, status: int, service: Service) -> None:
    head = f"POST /create HTTP/1.1\r\n{HEAD}Content-Length: {'9' * digits}\r\n\r\n"
    assert said(service, head).startswith(f"HTTP/1.1 {status} ".encode())


@in_proc
def test_what_a_large_body_was_parsed_into_does_not_stay(tmp_path: Path) -> None:
    body = '{"username":[{}' + ",{}" * 300_000 + "]}"
    with serving(tmp_path) as service:
        (worker,) = workers(service)
        token = service.log_in("erin")

        def send(times: int) -> int:
            for _ in range(times):
                assert service.request("POST", "/api/v1/templates", body, token).status == 400
            return memory_of(worker)

        # Each body takes over 20 MB while it is there.
        assert send(12) < send(3) + 60_000


# --- The processes --------------------------------------------------------------------------------


@pytest.mark.long
def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    request = f"GET /livez HTTP/1.1\r\n{HEAD}Content-Length: 4\r\n\r\n"
    with serving(tmp_path) as service:
        with closing(connect(service, f"{request}ab")) as begun, closing(connect(service)) as idle:
            os.kill(service.pid, signal.SIGTERM)
            assert read_to_end(idle) == b""  # an idle connection is not waited for
            begun.sendall(b"cd")
            assert b'{"status":"ok"}' in read_to_end(begun)
        assert service.wait() == 0


def test_workers_that_only_just_started_end_by_themselves(tmp_path: Path) -> None:
    with serving(tmp_path, WEB_CONCURRENCY="4") as service:
        service.stop()
        assert service.output.count("Worker exiting") == service.output.count("Booting worker") == 4


@in_proc
def test_a_worker_that_died_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        (worker,) = workers(service)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: workers(service) and worker not in workers(service), "there is another")
        wait_for(lambda: answers(service), "it answers")


@in_proc
def test_a_reload_starts_other_workers(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        before = workers(service)
        os.kill(service.pid, signal.SIGHUP)
        wait_for(lambda: not before & workers(service), "the old worker is gone")
        wait_for(lambda: answers(service), "the new one answers")


def answers(service: Service) -> bool:
    try:
        return service.get("/livez").status == 200
    except OSError:
        return False
