"""The id of a request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from accounts.audit import AuditEntry
from tests.accounts.callers import log_in
from tests.conftest import Person
from tests.processes import Service


def test_an_answer_has_one_of_its_own(client: APIClient) -> None:
    first, second = (client.get("/livez")["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first != second


@pytest.mark.parametrize("id", ["a", "7b0e3c3e-6d2f-4c57-a7a6-0d0d7c0f2f5e", "A.b_c-1" * 18])
def test_a_proxys_request_id_is_kept(id: str, client: APIClient) -> None:
    assert client.get("/livez", HTTP_X_REQUEST_ID=id)["X-Request-ID"] == id
    assert client.get("/nowhere", HTTP_X_REQUEST_ID=id)["X-Request-ID"] == id


@pytest.mark.parametrize("id", ["", " ", "a b", "a\r\nSet-Cookie: b", "é", "<b>", "x" * 129])
def test_an_invalid_request_id_is_replaced(id: str, client: APIClient) -> None:
    assert re.fullmatch("[0-9a-f]{16}", client.get("/livez", HTTP_X_REQUEST_ID=id)["X-Request-ID"])


def test_the_request_id_is_in_the_audit(alice: Person) -> None:
    answer = log_in("alice", alice.password, HTTP_X_REQUEST_ID="from-the-proxy")
    assert answer["X-Request-ID"] == "from-the-proxy"
    assert [entry.request_id for entry in AuditEntry.objects] == ["from-the-proxy"]


@pytest.mark.process
def test_the_request_id_is_in_the_log(tmp_path: Path) -> None:
    with Service(tmp_path / "log", MONGODB_URI="mongomock://", WEB_CONCURRENCY="1") as service:
        id = service.get("/nowhere").headers["X-Request-ID"]
        service.stop()
        (line,) = (line for line in service.output.splitlines() if "/nowhere" in line)
    assert f" [{id}] WARNING " in line
